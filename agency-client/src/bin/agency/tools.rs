//! `serve`, `completion` and `man`.

use std::{fs, io, path::Path};

use agency_client::{
    ClientError,
    gateway::{Gateway, GatewayOptions, Listen},
};
use serde_json::json;
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::{
    Layer as _, filter::filter_fn, layer::SubscriberExt as _, util::SubscriberInitExt as _,
};

use crate::{
    Context,
    args::tools::{CompletionArgs, ManArgs, ServeArgs},
    help, outbox,
    output::{Done, Failure},
};

/// Starts the log of a long-running command on stderr. Only this project's own lines are in it, from
/// level INFO: below that, libraries write out headers and messages.
fn start_log() {
    let own = filter_fn(|line| {
        line.target().starts_with("agency_client") && *line.level() <= tracing::Level::INFO
    });
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(io::stderr)
        .with_ansi(false)
        .with_filter(own);
    // It fails only when there is a log already.
    drop(tracing_subscriber::registry().with(lines).try_init());
}

/// Runs the gateway until SIGTERM or an interrupt.
pub(crate) async fn serve(context: &Context, args: ServeArgs) -> Done {
    let out = context.out;
    start_log();
    let client = context.client()?;
    let folder = outbox::folder(context, args.outbox.folder.as_deref())?;
    let is_open = args.socket.is_none() && args.secret_file.is_none();
    let listen = args.socket.map_or(Listen::Tcp(args.listen), Listen::Unix);
    let mut options = GatewayOptions::new(listen, folder);
    options.secret_file = args.secret_file;
    options.connections_max = args.connections_max;
    options.calls_max = args.calls_max;
    // Before the address is printed, so that a stop right after it is a clean one.
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut gateway = Gateway::start(client.clone(), options).await?;
    let at = match gateway.listen() {
        Listen::Tcp(address) => format!("http://{address}"),
        Listen::Unix(path) => format!("unix:{}", path.display()),
    };
    // One line in either form: whoever starts it reads a line and knows that it listens.
    if out.json {
        let value =
            json!({ "listening": at, "officer": client.officer(), "roles": client.roles() });
        out.json_line(&value)?;
    } else {
        out.text(format_args!("{at}\n"))?;
    }
    out.remark(
        format_args!(
            "whoever can call it acts as {} ({})",
            client.officer(),
            client.roles().join(", ")
        ),
        format_args!(
            "能调用者即以 {}（{}）的名义行事",
            client.officer(),
            client.roles().join(", ")
        ),
    );
    if is_open {
        out.remark(
            "every user of this machine can call it: on a shared machine use --socket or --secret-file",
            "本机所有用户均可调用：共用机器上请使用 --socket 或 --secret-file",
        );
    }
    tokio::select! {
        failure = gateway.failed() => return Err(failure.into()),
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    Ok(gateway.stop().await?)
}

/// Prints a completion script.
pub(crate) fn completion(context: &Context, args: &CompletionArgs) -> Done {
    let mut script = vec![];
    let mut command = help::command(context.out.lang);
    clap_complete::generate(args.shell, &mut command, "agency", &mut script);
    context.out.text(String::from_utf8_lossy(&script))
}

/// Writes manual pages.
pub(crate) fn man(context: &Context, args: &ManArgs) -> Done {
    let command = help::command(context.out.lang).disable_help_subcommand(true);
    let Some(folder) = &args.to else {
        let mut page = vec![];
        clap_mangen::Man::new(command).render(&mut page)?;
        return context.out.text(String::from_utf8_lossy(&page));
    };
    let fault = |error: io::Error| {
        Failure::Client(ClientError::LocalFile {
            path: folder.clone(),
            problem: error.to_string(),
        })
    };
    fs::create_dir_all(folder).map_err(fault)?;
    clap_mangen::generate_to(command, folder).map_err(fault)?;
    let count = pages(folder).map_err(fault)?;
    context.out.remark(
        format_args!("{count} pages in {}", folder.display()),
        format_args!("{} 中有 {count} 页", folder.display()),
    );
    Ok(())
}

fn pages(folder: &Path) -> io::Result<usize> {
    Ok(fs::read_dir(folder)?.count())
}
