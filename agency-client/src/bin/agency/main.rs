//! `agency`: the command line of an agency's node.
//!
//! The cast: [`args`] is what can be asked, [`output`] what is printed and the exit code; a module
//! for each noun does the work through the client library.

mod alert;
mod args;
mod attach;
mod audit;
mod batch;
mod correct;
mod exec;
mod help;
mod issue;
mod json;
mod ledger;
mod meeting;
mod members;
mod minutes;
mod names;
mod notify;
mod outbox;
mod output;
mod people;
mod publish;
mod referral;
mod request;
mod search;
mod state_folder;
mod stop;
mod table;
mod tools;
mod usage;
mod watch;
mod words;
mod workdays;

use std::{
    ffi::OsString,
    io::{Read as _, Write as _},
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};

use agency_client::{Client, ClientError, Lang, profile};
use clap::FromArgMatches as _;

use args::{Cli, ColorArg, Command, LangArg};
use output::{Done, Failure, Out};

/// Largest file or stdin that is read, in bytes.
const INPUT_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// What every command needs. The client is made when first asked for: offline commands have none.
struct Context {
    out: Out,
    profile: PathBuf,
    officer: Option<String>,
    roles: Vec<String>,
    purpose: Option<String>,
    deadline: Duration,
}

impl Context {
    fn profile(&self) -> Result<profile::Profile, Failure> {
        match profile::load(&self.profile) {
            // The first thing that a new user meets.
            Err(ClientError::LocalFile { path, .. }) if !self.profile.exists() => {
                let problem = self.out.label(
                    "is not there: name the node's profile with --profile FILE or AGENCY_PROFILE",
                    "不存在：请用 --profile 文件 或环境变量 AGENCY_PROFILE 指明节点配置",
                );
                Err(Failure::Client(ClientError::LocalFile {
                    path,
                    problem: problem.to_owned(),
                }))
            }
            other => Ok(other?),
        }
    }

    fn client(&self) -> Result<Client, Failure> {
        let mut builder = Client::builder(&self.profile()?).deadline(self.deadline);
        if let Some(officer) = &self.officer {
            builder = builder.officer(officer);
        }
        if !self.roles.is_empty() {
            builder = builder.roles(self.roles.clone());
        }
        if let Some(purpose) = &self.purpose {
            builder = builder.purpose(purpose);
        }
        Ok(builder.build()?)
    }
}

fn main() -> ExitCode {
    let lang = early::<LangArg>("--lang").map_or_else(lang_of_environment, Lang::from);
    let colors = match early("--color") {
        Some(ColorArg::Always) => clap::ColorChoice::Always,
        Some(ColorArg::Never) => clap::ColorChoice::Never,
        Some(ColorArg::Auto) | None => clap::ColorChoice::Auto,
    };
    let matches = help::command(lang).color(colors).try_get_matches();
    let cli = match matches.and_then(|matches| Cli::from_arg_matches(&matches)) {
        Ok(cli) => cli,
        Err(error) => return not_understood(&error, lang),
    };
    let out = Out::new(cli.json, lang, cli.color);
    let context = Context {
        out,
        profile: cli.profile,
        officer: cli.officer,
        roles: cli.roles,
        purpose: cli.purpose,
        deadline: Duration::from_secs(cli.deadline),
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build();
    let done = match runtime {
        Ok(runtime) => runtime.block_on(run(&context, cli.command)),
        Err(error) => Err(Failure::Output(error)),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => ExitCode::from(out.fail(&failure)),
    }
}

async fn run(context: &Context, command: Command) -> Done {
    match command {
        Command::Whoami => members::whoami(context).await,
        Command::Members(command) => members::run(context, command).await,
        Command::Notify(command) => notify::run(context, command).await,
        Command::Channels => notify::channels(context).await,
        Command::Search(args) => search::run(context, *args).await,
        Command::Attach(command) => attach::run(context, command).await,
        Command::Watch(args) => watch::run(context, args).await,
        Command::Consumers => watch::consumers(context).await,
        Command::Meeting(command) => Box::pin(meeting::run(context, *command)).await,
        Command::Minutes(command) => Box::pin(minutes::run(context, *command)).await,
        Command::Issue(command) => Box::pin(issue::run(context, *command)).await,
        Command::Request(command) => Box::pin(request::run(context, *command)).await,
        Command::Audit(command) => audit::run(context, command).await,
        Command::Alert(command) => Box::pin(alert::run(context, *command)).await,
        Command::Referral(command) => Box::pin(referral::run(context, *command)).await,
        Command::Ledger(command) => ledger::run(context, command).await,
        Command::Outbox(command) => outbox::run(context, command).await,
        Command::Serve(args) => tools::serve(context, args).await,
        Command::Workdays(args) => workdays::run(context, &args),
        Command::Completion(args) => tools::completion(context, &args),
        Command::Man(args) => tools::man(context, &args),
        Command::Help(args) => help::run(context, &args.topic),
    }
}

/// Says what is wrong with the command line.
fn not_understood(error: &clap::Error, lang: Lang) -> ExitCode {
    let as_json = early_arguments().any(|argument| argument == "--json");
    match usage::told(error, lang, as_json) {
        Some(text) => {
            // Nobody can be told when stderr is closed.
            let _closed = std::io::stderr().write_all(text.as_bytes());
            ExitCode::from(2)
        }
        None => error.exit(),
    }
}

/// The command line as far as it is this program's: what follows `--exec` belongs to another.
fn early_arguments() -> impl Iterator<Item = OsString> {
    std::env::args_os().take_while(|argument| argument != "--" && argument != "--exec")
}

/// The value that the arguments give an option. It is looked for before the arguments are read,
/// because help and usage errors follow it too.
fn early<T: clap::ValueEnum>(option: &str) -> Option<T> {
    let mut arguments = early_arguments();
    while let Some(argument) = arguments.next() {
        let value = match argument.to_str() {
            Some(name) if name == option => {
                arguments.next().and_then(|value| value.into_string().ok())
            }
            Some(argument) => argument
                .strip_prefix(option)
                .and_then(|rest| rest.strip_prefix('='))
                .map(str::to_owned),
            None => None,
        };
        if let Some(found) = value.and_then(|value| T::from_str(&value, true).ok()) {
            return Some(found);
        }
    }
    None
}

fn lang_of_environment() -> Lang {
    let zh = ["LC_ALL", "LC_MESSAGES", "LANG"]
        .iter()
        .find_map(|name| std::env::var(name).ok().filter(|value| !value.is_empty()))
        .is_some_and(|value| value.starts_with("zh"));
    if zh { Lang::Zh } else { Lang::En }
}

/// Reads a file, or stdin for `-`.
fn input(path: &Path) -> Result<Vec<u8>, Failure> {
    let at_fault = |problem: String| {
        Failure::Client(ClientError::LocalFile {
            path: path.to_owned(),
            problem,
        })
    };
    let mut bytes = vec![];
    let read = if path == Path::new("-") {
        std::io::stdin()
            .lock()
            .take(INPUT_BYTES_MAX + 1)
            .read_to_end(&mut bytes)
    } else {
        std::fs::File::open(path)
            .and_then(|file| file.take(INPUT_BYTES_MAX + 1).read_to_end(&mut bytes))
    };
    read.map_err(|error| at_fault(error.to_string()))?;
    if u64::try_from(bytes.len()).is_ok_and(|length| length > INPUT_BYTES_MAX) {
        return Err(at_fault(format!("more than {INPUT_BYTES_MAX} bytes")));
    }
    Ok(bytes)
}

/// Reads a text file, or stdin for `-`.
fn input_text(path: &Path) -> Result<String, Failure> {
    String::from_utf8(input(path)?).map_err(|_| {
        Failure::Client(ClientError::LocalFile {
            path: path.to_owned(),
            problem: "is not UTF-8 text".into(),
        })
    })
}
