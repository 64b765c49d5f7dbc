//! The `hub` binary as a child process, for tests that kill it.

use std::{
    io::{BufRead as _, BufReader, Read},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Output, Stdio},
    sync::{OnceLock, mpsc},
    time::Duration,
};

/// How long a program may take to say its first line, and to end: many times what it takes. A test must fail, and
/// say what the program's threads do, rather than wait for ever.
const PATIENCE: Duration = Duration::from_secs(180);

/// A hub in a process of its own. It is killed when this is dropped.
#[derive(Debug)]
pub struct HubProcess {
    child: Child,
    address: SocketAddr,
}

impl HubProcess {
    /// Starts `hub serve` and waits until it listens.
    #[must_use]
    pub fn start(config: &Path) -> Self {
        Self::start_logging_to(config, Stdio::inherit())
    }

    /// As [`Self::start`], with its log somewhere else than on this process's stderr.
    #[must_use]
    pub fn start_logging_to(config: &Path, log: Stdio) -> Self {
        Self::start_by(Command::new(hub_binary()), config, log)
    }

    /// As [`Self::start`], by a program that becomes the command that follows its arguments, such as
    /// `nsenter`.
    #[must_use]
    pub fn start_within(prefix: &[String], config: &Path) -> Self {
        let Some((program, arguments)) = prefix.split_first() else {
            return Self::start(config);
        };
        let mut command = Command::new(program);
        command.args(arguments).arg(hub_binary());
        Self::start_by(command, config, Stdio::inherit())
    }

    fn start_by(command: Command, config: &Path, log: Stdio) -> Self {
        let started = Self::try_start_by(command, config, log);
        started.unwrap_or_else(|status| panic!("the hub did not start: {status}"))
    }

    /// As [`Self::start_logging_to`], by a command that is the hub's binary, perhaps in an environment of
    /// its own.
    ///
    /// # Errors
    /// How the process ended, when it did before it listened.
    pub fn try_start_by(
        mut command: Command,
        config: &Path,
        log: Stdio,
    ) -> Result<Self, ExitStatus> {
        let mut child = command
            .args(["serve", "--config"])
            .arg(config)
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .expect("the hub starts");
        let stdout = child.stdout.take().expect("stdout is piped");
        let (line, _) = first_line(&child, stdout);
        if line.is_empty() {
            return Err(ended(&mut child));
        }
        let address = line
            .trim()
            .parse()
            .unwrap_or_else(|_| panic!("no address: {line:?}"));
        Ok(Self { child, address })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// As a client's endpoint.
    #[must_use]
    pub fn endpoint(&self) -> String {
        format!("https://{}", self.address)
    }

    /// Its process id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Memory that it holds, in bytes.
    #[must_use]
    pub fn resident_bytes(&self) -> u64 {
        self.memory_bytes("VmRSS:")
    }

    /// The most memory that it has held, in bytes.
    #[must_use]
    pub fn peak_resident_bytes(&self) -> u64 {
        self.memory_bytes("VmHWM:")
    }

    fn memory_bytes(&self, name: &str) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()));
        let status = status.expect("the hub runs");
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        let kib = line.expect("Linux tells").trim().trim_end_matches(" kB");
        kib.parse::<u64>().expect("it is a number") * 1024
    }

    /// SIGTERM, and waits until it has stopped; whether it did so in order.
    #[must_use]
    pub fn stop(mut self) -> bool {
        let term = Command::new("kill")
            .args(["-TERM", &self.child.id().to_string()])
            .status();
        assert!(
            term.expect("kill runs").success(),
            "the hub is told to stop"
        );
        ended(&mut self.child).success()
    }

    /// SIGTERM. The hub drains.
    pub fn terminate(&self) {
        let mut kill = Command::new("kill");
        kill.args(["-TERM", &self.child.id().to_string()]);
        assert!(kill.status().expect("kill runs").success());
    }

    /// Waits for the end of the process.
    #[must_use]
    pub fn wait(mut self) -> ExitStatus {
        ended(&mut self.child)
    }

    /// `kill -9`.
    pub fn kill(mut self) {
        self.child.kill().expect("the hub is killed");
        self.child.wait().expect("the hub is gone");
    }
}

impl Drop for HubProcess {
    fn drop(&mut self) {
        // It may be gone already.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Waits for the end of a program that is to end by itself.
pub fn ended(child: &mut Child) -> ExitStatus {
    const LOOK: Duration = Duration::from_millis(5);
    for _ in 0..PATIENCE.as_millis() / LOOK.as_millis() {
        if let Some(status) = child.try_wait().expect("the program runs or has ended") {
            return status;
        }
        std::thread::sleep(LOOK);
    }
    give_up(child.id(), "end")
}

/// Waits for the end of a program, and for all that it says.
#[must_use]
pub fn output_of(child: Child) -> Output {
    let id = child.id();
    patiently(id, "end", move || child.wait_with_output()).expect("its output can be read")
}

/// The first line of what a program says, with its end, and the reader of the rest. The line is empty when it
/// says nothing more.
pub fn first_line<R: Read + Send + 'static>(child: &Child, output: R) -> (String, BufReader<R>) {
    patiently(child.id(), "say a line", move || {
        let (mut line, mut reader) = (String::new(), BufReader::new(output));
        reader.read_line(&mut line).map(|_| (line, reader))
    })
    .expect("its output can be read")
}

/// What comes of something that waits for a program.
fn patiently<T: Send + 'static>(
    id: u32,
    what: &str,
    wait: impl FnOnce() -> T + Send + 'static,
) -> T {
    let (tell, told) = mpsc::sync_channel(1);
    // Nobody waits for it any more when it came too late.
    std::thread::spawn(move || drop(tell.send(wait())));
    told.recv_timeout(PATIENCE)
        .unwrap_or_else(|_| give_up(id, what))
}

/// Says what a program's threads wait for, and ends it.
fn give_up(id: u32, what: &str) -> ! {
    let tasks = std::fs::read_dir(format!("/proc/{id}/task"));
    let threads: Vec<String> = tasks
        .into_iter()
        .flatten()
        .flatten()
        .map(|task| {
            let read = |name| std::fs::read_to_string(task.path().join(name)).unwrap_or_default();
            format!("{} in {}", read("comm").trim(), read("wchan").trim())
        })
        .collect();
    let mut kill = Command::new("kill");
    drop(kill.args(["-KILL", &id.to_string()]).status());
    panic!("the program did not {what} within {PATIENCE:?}; its threads: {threads:?}");
}

/// The `hub` binary, built once with the profile of this test.
#[must_use]
pub fn hub_binary() -> PathBuf {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| binary("hub")).clone()
}

/// The `agency` binary, built once with the profile of this test.
#[must_use]
pub fn agency_binary() -> PathBuf {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| binary("agency")).clone()
}

/// Cargo gives a test the binaries of its own package only, so another package's is built here. With
/// `--workspace`, because its dependencies then have the features that `cargo test --workspace` has built
/// them with: only what is not there yet is compiled.
fn binary(name: &str) -> PathBuf {
    let test = std::env::current_exe().expect("a test has a file");
    let profile_dir = test
        .parent()
        .and_then(Path::parent)
        .expect("target/<profile>/deps/test");
    let target_dir = profile_dir.parent().expect("target/<profile>");
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.args(["build", "--quiet", "--workspace", "--bin", name]);
    cargo.arg("--target-dir").arg(target_dir);
    cargo.current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(".."));
    if profile_dir
        .file_name()
        .is_some_and(|profile| profile == "release")
    {
        cargo.arg("--release");
    }
    assert!(
        cargo.status().expect("cargo runs").success(),
        "{name} is built"
    );
    profile_dir.join(name)
}
