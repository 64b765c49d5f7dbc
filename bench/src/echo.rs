//! The echo: what one call costs when all that its server does is to verify one Ed25519 signature. A
//! process of its own, like the hub.

use std::{io::Write as _, path::PathBuf, process::Command, sync::Arc};

use anyhow::Context as _;
use bytes::Bytes;
use futures::stream;
use hub_core::crypto::{SigningKey, VerifyingKey};
use rustls::ServerConfig;
use rustls_pki_types::{CertificateDer, pem::PemObject as _};
use tokio::{net::TcpListener, sync::mpsc};
use tokio_rustls::TlsAcceptor;
use tonic::{
    Request, Response, Status,
    transport::{Channel, Server as Grpc},
};

use crate::{
    server::Server,
    site::{Node, Site},
    tls::{self, TlsIo},
};

/// The echo's messages.
#[allow(
    missing_docs,
    unreachable_pub,
    clippy::all,
    clippy::pedantic,
    clippy::allow_attributes_without_reason,
    reason = "generated code"
)]
mod proto {
    tonic::include_proto!("bench.echo.v1");
}

use proto::{
    EchoRequest, EchoResponse,
    echo_service_client::EchoServiceClient,
    echo_service_server::{EchoService, EchoServiceServer},
};

/// Connections that wait to be served.
const READY_MAX: usize = 64;

/// What the server's process is told.
#[derive(Debug, clap::Args)]
pub(crate) struct ServeCommand {
    /// The authority of the clients.
    #[arg(long)]
    authority: PathBuf,
    /// The server's certificate.
    #[arg(long)]
    certificate: PathBuf,
    /// Its key.
    #[arg(long)]
    key: PathBuf,
    /// Certificates of the signers, in the order of their numbers.
    #[arg(required = true)]
    signers: Vec<PathBuf>,
}

impl ServeCommand {
    /// Serves until the process is ended.
    pub(crate) async fn run(&self) -> anyhow::Result<()> {
        let signers = self.signers.iter().map(|file| {
            let certificate = CertificateDer::from_pem_file(file);
            let certificate = certificate.with_context(|| file.display().to_string())?;
            Ok(VerifyingKey::from_certificate(&certificate)?)
        });
        let echo = Echo {
            signers: signers.collect::<anyhow::Result<_>>()?,
        };
        let config = tls::server(&self.authority, &self.certificate, &self.key)?;
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        writeln!(std::io::stdout(), "{}", listener.local_addr()?)?;
        let (ready, accepted) = mpsc::channel(READY_MAX);
        tokio::spawn(accept(listener, config, ready));
        let accepted = stream::unfold(accepted, |mut accepted| async move {
            let next: TlsIo = accepted.recv().await?;
            Some((Ok::<_, std::io::Error>(next), accepted))
        });
        Grpc::builder()
            .add_service(EchoServiceServer::new(echo))
            .serve_with_incoming(accepted)
            .await?;
        Ok(())
    }
}

async fn accept(listener: TcpListener, config: Arc<ServerConfig>, ready: mpsc::Sender<TlsIo>) {
    // Whatever fails ends a connection, which ends the measurement at the client with an error.
    while let Ok((tcp, _)) = listener.accept().await {
        let (acceptor, ready) = (TlsAcceptor::from(Arc::clone(&config)), ready.clone());
        tokio::spawn(async move {
            if tcp.set_nodelay(true).is_ok()
                && let Ok(stream) = acceptor.accept(tcp).await
            {
                drop(ready.send(TlsIo(stream)).await);
            }
        });
    }
}

struct Echo {
    signers: Vec<VerifyingKey>,
}

#[tonic::async_trait]
impl EchoService for Echo {
    async fn echo(&self, request: Request<EchoRequest>) -> Result<Response<EchoResponse>, Status> {
        let request = request.into_inner();
        let signer = usize::try_from(request.signer).unwrap_or(usize::MAX);
        let signer = self.signers.get(signer);
        let signer = signer.ok_or_else(|| Status::unauthenticated("no such signer"))?;
        signer
            .verify(&request.payload, &request.signature)
            .map_err(|_| Status::unauthenticated("the signature does not verify"))?;
        Ok(Response::new(EchoResponse {
            payload: request.payload,
        }))
    }
}

/// Starts the echo's process for a site.
pub(crate) fn start(site: &Site) -> anyhow::Result<Server> {
    let mut command = Command::new(std::env::current_exe()?);
    command.arg("echo-serve");
    command.arg("--authority").arg(site.authority());
    command.arg("--certificate").arg(site.server_certificate());
    command.arg("--key").arg(site.server_key());
    command.args(site.nodes().iter().map(|node| &node.certificate));
    let folder = site.folder().join("echo");
    Server::announcing("echo", command, &folder.join("data"))
}

/// A node that calls the echo.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    client: EchoServiceClient<Channel>,
    signer: u32,
    key: Arc<SigningKey>,
    payload: Bytes,
}

impl Caller {
    /// The node of a number, on a connection of its own.
    pub(crate) fn connect(
        site: &Site,
        server: &Server,
        (number, node): (usize, &Node),
        payload: Bytes,
    ) -> anyhow::Result<Self> {
        let channel = tls::channel(server.address(), tls::client(site, node, tls::NEWEST)?)?;
        Ok(Self {
            client: EchoServiceClient::new(channel),
            signer: number.try_into()?,
            key: Arc::new(node.signing_key()?),
            payload,
        })
    }

    /// Signs and sends one payload, and holds the answer against it.
    pub(crate) async fn call(&self) -> anyhow::Result<()> {
        let request = EchoRequest {
            signer: self.signer,
            signature: self.key.sign(&self.payload)?.into(),
            payload: self.payload.clone(),
        };
        let answer = self.client.clone().echo(request).await?.into_inner();
        anyhow::ensure!(answer.payload == self.payload, "the echo says otherwise");
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use hub_core::crypto::generate_ed25519_pkcs8;

    use super::*;

    #[tokio::test]
    async fn the_echo_answers_what_is_signed_and_nothing_else() {
        let key = SigningKey::from_pkcs8(&generate_ed25519_pkcs8().unwrap()).unwrap();
        let echo = Echo {
            signers: vec![VerifyingKey::from_ed25519(&key.public_key()).unwrap()],
        };
        let request = |signer: u32, payload: &'static [u8]| {
            Request::new(EchoRequest {
                signer,
                signature: key.sign(b"payload").unwrap().into(),
                payload: Bytes::from_static(payload),
            })
        };
        let answer = echo.echo(request(0, b"payload")).await.unwrap();
        assert_eq!(answer.into_inner().payload, "payload");
        echo.echo(request(0, b"Payload")).await.unwrap_err();
        echo.echo(request(1, b"payload")).await.unwrap_err();
    }
}
