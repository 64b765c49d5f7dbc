//! Where the gateway listens: a Unix socket, or loopback. Never a network.

use std::{
    fs::{self, Permissions},
    io,
    net::SocketAddr,
    os::unix::fs::{FileTypeExt as _, MetadataExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use futures::Stream;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpListener, UnixListener},
    sync::{OwnedSemaphorePermit, Semaphore},
    time::Sleep,
};
use tonic::transport::server::Connected;

use crate::error::{ClientError, Result};

/// Bytes with which HTTP/2 begins.
const PREFACE_BYTES: usize = 24;
/// How long a caller may take to send them; nobody may hold a connection's place without a word.
const PREFACE_TIME_MAX: Duration = Duration::from_secs(10);
/// Rights of the socket: its owner and its group may call.
const SOCKET_MODE: u32 = 0o660;

/// Where to listen.
///
/// ```
/// use agency_client::gateway::Listen;
///
/// let chosen_by_the_system = Listen::Tcp(([127, 0, 0, 1], 0).into());
/// let socket = Listen::Unix("/run/agency/gateway.sock".into());
/// assert_ne!(chosen_by_the_system, socket);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Listen {
    /// A loopback address. Port 0 lets the system choose.
    Tcp(SocketAddr),
    /// A Unix socket, mode `0660`. A socket that nobody listens on any more is replaced.
    Unix(PathBuf),
}

/// An open socket.
#[derive(Debug)]
pub(super) enum Listener {
    Tcp(TcpListener),
    Unix(UnixListener, SocketFile),
}

impl Listener {
    pub(super) async fn open(listen: &Listen) -> Result<(Self, Listen)> {
        match listen {
            Listen::Tcp(address) => {
                if !address.ip().is_loopback() {
                    return Err(ClientError::input(
                        "listen",
                        "must be a loopback address such as 127.0.0.1:7500: what comes in is not \
                         encrypted and acts in this agency's name",
                    ));
                }
                let fault =
                    |error: io::Error| ClientError::input("listen", format!("{address}: {error}"));
                let listener = TcpListener::bind(address).await.map_err(fault)?;
                let address = listener.local_addr().map_err(fault)?;
                Ok((Self::Tcp(listener), Listen::Tcp(address)))
            }
            Listen::Unix(path) => {
                let (listener, file) = bind(path)?;
                Ok((Self::Unix(listener, file), listen.clone()))
            }
        }
    }
}

/// The socket's file; taken away again when the gateway stops, if it is still this one.
#[derive(Debug)]
pub(super) struct SocketFile {
    path: PathBuf,
    inode: u64,
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        let is_ours = fs::symlink_metadata(&self.path).is_ok_and(|file| file.ino() == self.inode);
        if is_ours {
            // What stays behind is replaced by the next gateway.
            drop(fs::remove_file(&self.path));
        }
    }
}

/// Binds in a private folder beside the place and renames, so that the socket is never there with
/// other rights than its own.
fn bind(path: &Path) -> Result<(UnixListener, SocketFile)> {
    let fault = |error: io::Error| ClientError::file(path, error);
    let folder = match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    };
    let mode = fs::metadata(folder)
        .map_err(|error| ClientError::file(folder, error))?
        .permissions()
        .mode();
    if mode & 0o002 != 0 {
        return Err(ClientError::file(
            folder,
            "every user may write here and could put a socket of their own in its place: choose a \
             folder that only this service writes",
        ));
    }
    free(path)?;
    let private = folder.join(format!(".{:x}", std::process::id()));
    // Left over from a process that had this number before.
    drop(fs::remove_dir_all(&private));
    fs::create_dir(&private).map_err(fault)?;
    let bound = (|| {
        fs::set_permissions(&private, Permissions::from_mode(0o700))?;
        let place = private.join("s");
        let listener = UnixListener::bind(&place)?;
        fs::set_permissions(&place, Permissions::from_mode(SOCKET_MODE))?;
        fs::rename(&place, path)?;
        Ok(listener)
    })();
    drop(fs::remove_dir_all(&private));
    let listener = bound.map_err(fault)?;
    let inode = fs::symlink_metadata(path).map_err(fault)?.ino();
    let file = SocketFile {
        path: path.to_owned(),
        inode,
    };
    Ok((listener, file))
}

/// Whether the place can be taken: empty, or with a socket on which nobody listens.
fn free(path: &Path) -> Result<()> {
    let file = match fs::symlink_metadata(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(ClientError::file(path, error)),
    };
    if !file.file_type().is_socket() {
        return Err(ClientError::file(path, "is there already and is no socket"));
    }
    match std::os::unix::net::UnixStream::connect(path) {
        Ok(_answered) => Err(ClientError::file(path, "another process listens on it")),
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => Ok(()),
        // Gone meanwhile.
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        // A socket that this user may not call, or of another kind, can have a listener.
        Err(error) => Err(ClientError::file(path, error)),
    }
}

/// Connections of a listener, at most as many at a time as there are permits; others wait in the
/// system's queue.
pub(super) fn incoming<L: Accept>(
    listener: L,
    connections: Arc<Semaphore>,
) -> impl Stream<Item = io::Result<Connection<L::Io>>> {
    futures::stream::unfold((listener, connections), |(listener, connections)| async {
        let permit = Arc::clone(&connections).acquire_owned().await.ok()?;
        let accepted = listener.accept_one().await;
        let accepted = accepted.map(|io| Connection::new(io, permit, PREFACE_TIME_MAX));
        Some((accepted, (listener, connections)))
    })
}

/// Something that connections come from.
pub(super) trait Accept: Send + 'static {
    /// A connection.
    type Io: AsyncRead + AsyncWrite + Unpin + Send + 'static;

    /// The next connection.
    fn accept_one(&self) -> impl Future<Output = io::Result<Self::Io>> + Send;
}

impl Accept for TcpListener {
    type Io = tokio::net::TcpStream;

    async fn accept_one(&self) -> io::Result<Self::Io> {
        let (stream, _address) = self.accept().await?;
        stream.set_nodelay(true)?;
        Ok(stream)
    }
}

impl Accept for UnixListener {
    type Io = tokio::net::UnixStream;

    async fn accept_one(&self) -> io::Result<Self::Io> {
        Ok(self.accept().await?.0)
    }
}

/// A connection and its place among those that may be open.
#[derive(Debug)]
pub(super) struct Connection<T> {
    io: T,
    /// Bytes of the preface that have not come, and until when they must.
    silent: Option<(usize, Pin<Box<Sleep>>)>,
    _permit: OwnedSemaphorePermit,
}

impl<T> Connection<T> {
    fn new(io: T, permit: OwnedSemaphorePermit, patience: Duration) -> Self {
        Self {
            io,
            silent: Some((PREFACE_BYTES, Box::pin(tokio::time::sleep(patience)))),
            _permit: permit,
        }
    }
}

impl<T> Connected for Connection<T> {
    type ConnectInfo = ();

    fn connect_info(&self) -> Self::ConnectInfo {}
}

impl<T: AsyncRead + Unpin> AsyncRead for Connection<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.io).poll_read(context, buffer);
        let Some((missing, sleep)) = &mut self.silent else {
            return polled;
        };
        *missing = missing.saturating_sub(buffer.filled().len().saturating_sub(before));
        if *missing == 0 {
            self.silent = None;
            return polled;
        }
        if polled.is_pending() && sleep.as_mut().poll(context).is_ready() {
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        polled
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Connection<T> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream};

    use super::*;

    #[tokio::test]
    async fn only_loopback_is_listened_on() {
        for address in ["0.0.0.0:0", "192.0.2.1:7500", "[::]:0"] {
            let error = Listener::open(&Listen::Tcp(address.parse().unwrap()))
                .await
                .unwrap_err();
            assert!(error.to_string().contains("loopback"), "{error}");
        }
        let (_listener, at) = Listener::open(&Listen::Tcp("127.0.0.1:0".parse().unwrap()))
            .await
            .unwrap();
        assert!(matches!(at, Listen::Tcp(address) if address.port() != 0));
    }

    #[tokio::test]
    async fn a_socket_has_narrow_rights_and_goes_with_its_gateway() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("gateway.sock");
        let (listener, file) = bind(&path).unwrap();
        let mode = fs::symlink_metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, SOCKET_MODE);
        let error = bind(&path).unwrap_err().to_string();
        assert!(error.contains("another process listens"), "{error}");
        drop((listener, file));
        assert!(!path.exists());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[tokio::test]
    async fn a_stale_socket_is_replaced_and_anything_else_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("gateway.sock");
        drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
        assert!(path.exists(), "left by a process that was killed");
        let (listener, file) = bind(&path).unwrap();
        tokio::net::UnixStream::connect(&path).await.unwrap();
        drop((listener, file));
        fs::write(&path, "text").unwrap();
        let error = bind(&path).unwrap_err().to_string();
        assert!(error.contains("no socket"), "{error}");
        assert_eq!(fs::read_to_string(&path).unwrap(), "text");
    }

    #[tokio::test]
    async fn a_socket_of_another_kind_is_not_taken_away() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("gateway.sock");
        let other = std::os::unix::net::UnixDatagram::bind(&path).unwrap();
        bind(&path).unwrap_err();
        std::os::unix::net::UnixDatagram::unbound()
            .unwrap()
            .send_to(b"still there", &path)
            .unwrap();
        drop(other);
    }

    #[tokio::test]
    async fn a_folder_that_everybody_writes_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        fs::set_permissions(folder.path(), Permissions::from_mode(0o777)).unwrap();
        let error = bind(&folder.path().join("gateway.sock")).unwrap_err();
        assert!(error.to_string().contains("every user"), "{error}");
    }

    /// A connection over memory, and its other end.
    async fn connection(patience: Duration) -> (Connection<DuplexStream>, DuplexStream) {
        let permit = Arc::new(Semaphore::new(1)).acquire_owned().await.unwrap();
        let (near, far) = tokio::io::duplex(256);
        (Connection::new(near, permit, patience), far)
    }

    #[tokio::test]
    async fn a_caller_that_does_not_begin_is_cut_off() {
        let (mut near, mut far) = connection(Duration::from_millis(10)).await;
        far.write_all(b"PRI * HTTP/2.0").await.unwrap();
        let mut read = vec![];
        let error = near.read_to_end(&mut read).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        assert_eq!(read, b"PRI * HTTP/2.0");
    }

    #[tokio::test]
    async fn a_caller_that_has_begun_may_be_quiet() {
        let patience = Duration::from_millis(10);
        let (mut near, mut far) = connection(patience).await;
        far.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
            .await
            .unwrap();
        let mut preface = [0; PREFACE_BYTES];
        near.read_exact(&mut preface).await.unwrap();
        let mut byte = [0];
        let quiet = tokio::time::timeout(patience * 5, near.read_exact(&mut byte)).await;
        assert!(quiet.is_err(), "{quiet:?}");
        far.write_all(b"x").await.unwrap();
        near.read_exact(&mut byte).await.unwrap();
    }
}
