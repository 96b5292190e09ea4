//! The real binary on a data directory: started, asked, killed.

use crow::client::connection::{ClientCredential, PlatformClient};
use crow::domain::event::EventType;
use crow::domain::ids::CompanyId;
use crow::domain::scope::KeyScope;
use crow::domain::secret::Secret;
use crow::wire::changes;
use crow::wire::events::NewEvent;
use crow::wire::keys::{CompanyRow, NewCompany, NewKey, RequestedLimits};
use crow::wire::subscriptions::NewSubscription;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Arc, Mutex};

/// Returns a command of the binary with the environment of the storage tests.
pub(crate) fn crow(arguments: &[&str], dir: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_crow"));
    command.args(arguments).arg("--data").arg(dir).stdin(Stdio::null());
    command.env_remove("CROW_PLATFORM_KEY").env_remove("CROW_PLATFORM_NEW_KEY");
    command
}

/// Runs a command to its end.
pub(crate) fn ended(command: &mut Command) -> Output {
    command.output().expect("the binary runs")
}

/// Runs a command that must succeed, and returns its output.
#[track_caller]
pub(crate) fn done(command: &mut Command) -> String {
    let output = ended(command);
    assert!(output.status.success(), "{output:?}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Runs a command that must exit with `code` and one line on stderr, and returns that line.
#[track_caller]
pub(crate) fn refused(code: i32, command: &mut Command) -> String {
    let output = ended(command);
    let line = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(code), "{output:?}");
    assert_eq!(line.trim_end().lines().count(), 1, "{line}");
    line
}

/// Starts a platform and waits until it listens. Returns the process and its address, or the process if it exits first.
pub(crate) fn listening(command: &mut Command) -> Result<(Child, String), Child> {
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().expect("the binary starts");
    let mut line = String::new();
    BufReader::new(child.stdout.take().expect("its stdout")).read_line(&mut line).expect("readable");
    match line.trim().strip_prefix("listening on ") {
        Some(address) => Ok((child, address.to_owned())),
        None => Err(child),
    }
}

/// Any free port.
pub(crate) const ANY: &str = "127.0.0.1:0";

/// `crow serve` on a directory and an address.
pub(crate) fn serve(dir: &Path, bind: &str) -> Command {
    crow(&["serve", "--bind", bind, "--allow-private-targets", "--retry-base", "50ms"], dir)
}

/// Process of `crow serve`, killed when it is dropped.
pub(crate) struct Serving {
    child: Child,
    pub(crate) address: String,
    dir: PathBuf,
    logged: Arc<Mutex<Vec<String>>>,
}

impl Serving {
    /// Starts a platform on any port and waits until it listens.
    #[track_caller]
    pub(crate) fn start(dir: &Path) -> Self {
        Self::at(dir, ANY)
    }

    /// Starts a platform on an address and waits until it listens.
    #[track_caller]
    pub(crate) fn at(dir: &Path, bind: &str) -> Self {
        Self::begin(dir, serve(dir, bind)).unwrap_or_else(|why| panic!("it does not start: {why}"))
    }

    /// Starts a platform after `prepare` has changed its command.
    #[track_caller]
    pub(crate) fn with(dir: &Path, prepare: impl FnOnce(&mut Command)) -> Self {
        let mut command = serve(dir, ANY);
        prepare(&mut command);
        Self::begin(dir, command).unwrap_or_else(|why| panic!("it does not start: {why}"))
    }

    /// Starts a platform on an address after `prepare` has changed its command.
    #[track_caller]
    pub(crate) fn under(dir: &Path, bind: &str, prepare: impl FnOnce(&mut Command)) -> Self {
        let mut command = serve(dir, bind);
        prepare(&mut command);
        Self::begin(dir, command).unwrap_or_else(|why| panic!("it does not start: {why}"))
    }

    /// Starts a platform with a limit of file descriptors.
    #[track_caller]
    pub(crate) fn with_files(dir: &Path, n: u32) -> Self {
        Self::attempt_with_files(dir, n).unwrap_or_else(|why| panic!("it does not start: {why}"))
    }

    /// Starts a platform that may refuse to start; returns its output if it does.
    pub(crate) fn attempt_with_files(dir: &Path, n: u32) -> Result<Self, String> {
        let inner = serve(dir, ANY);
        let mut command = Command::new("sh");
        command
            .args(["-c", &format!("ulimit -n {n}; exec \"$0\" \"$@\"")])
            .arg(inner.get_program())
            .args(inner.get_args());
        Self::begin(dir, command)
    }

    /// Starts a platform that may refuse to start; returns its output if it does.
    pub(crate) fn attempt(dir: &Path) -> Result<Self, String> {
        Self::begin(dir, serve(dir, ANY))
    }

    /// Starts a platform by this command; returns its output if it exits instead.
    pub(crate) fn begin(dir: &Path, mut command: Command) -> Result<Self, String> {
        let (mut child, address) = listening(command.stderr(Stdio::piped())).map_err(|mut child| {
            let mut said = String::new();
            child.stderr.take().expect("its stderr").read_to_string(&mut said).expect("readable");
            let code = child.wait().expect("it ends").code();
            format!("exit code {}: {said}", code.unwrap_or(-1))
        })?;
        let stderr = child.stderr.take().expect("its stderr");
        let logged = Arc::<Mutex<Vec<String>>>::default();
        // The log must be read, or the process blocks when the pipe is full.
        std::thread::spawn({
            let logged = Arc::clone(&logged);
            move || {
                for line in BufReader::new(stderr).split(b'\n').map_while(Result::ok) {
                    logged.lock().expect("not poisoned").push(String::from_utf8_lossy(&line).into_owned());
                }
            }
        });
        Ok(Self { child, address, dir: dir.to_owned(), logged })
    }

    /// Kills the platform with SIGKILL and waits for its end.
    pub(crate) fn kill(mut self) {
        self.child.kill().and_then(|()| self.child.wait()).expect("it is killed");
    }

    /// Stops the platform with SIGTERM and waits for a clean exit.
    pub(crate) fn stop(mut self) {
        let told = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status().expect("kill runs");
        assert!(told.success() && self.child.wait().expect("it ends").success());
    }

    /// Returns the data directory of the platform.
    pub(crate) fn data_dir(&self) -> &Path {
        &self.dir
    }

    /// Returns the process ID of the platform.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Returns the number of lines that the platform logged.
    pub(crate) fn n_logged(&self) -> usize {
        self.logged.lock().expect("not poisoned").len()
    }

    /// Returns the log of the platform.
    pub(crate) fn logged(&self) -> String {
        self.logged.lock().expect("not poisoned").join("\n")
    }

    /// Returns the number of logged panics.
    pub(crate) fn n_panicked(&self) -> u64 {
        self.logged.lock().expect("not poisoned").iter().filter(|line| line.contains("panicked")).count() as u64
    }

    /// Sends a signal to the platform, such as `-STOP`.
    pub(crate) fn signal(&self, signal: &str) {
        assert!(Command::new("kill").args([signal, &self.id().to_string()]).status().expect("kill runs").success());
    }

    /// Waits until the platform has exited.
    pub(crate) fn wait(&mut self) {
        self.child.wait().expect("it ends");
    }

    /// Checks whether the platform has exited.
    pub(crate) fn has_ended(&mut self) -> bool {
        self.child.try_wait().expect("a child").is_some()
    }

    /// Returns the resident memory of the platform, in bytes.
    pub(crate) fn resident(&self) -> u64 {
        self.pages(1)
    }

    /// Bytes of its address space.
    pub(crate) fn address_space(&self) -> u64 {
        self.pages(0)
    }

    /// Returns a field of `/proc/PID/statm` in bytes; zero if the platform has exited.
    fn pages(&self, field: usize) -> u64 {
        let table = std::fs::read_to_string(format!("/proc/{}/statm", self.id())).unwrap_or_default();
        table.split_whitespace().nth(field).map_or(0, |pages| pages.parse::<u64>().expect("a number") * 4096)
    }

    /// Returns the number of file descriptors that the platform has open.
    pub(crate) fn n_descriptors(&self) -> usize {
        std::fs::read_dir(format!("/proc/{}/fd", self.id())).map_or(0, Iterator::count)
    }

    /// Returns the CPU time that the platform has used, in ticks of a hundredth of a second.
    pub(crate) fn used(&self) -> f64 {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.id())).expect("Linux");
        // The name comes in parentheses and may hold anything; what follows is the third field.
        let fields = stat.rsplit(')').next().expect("fields").split_whitespace();
        fields.skip(11).take(2).map(|ticks| ticks.parse::<f64>().expect("a number")).sum()
    }

    /// The database's write-ahead log.
    pub(crate) fn log(&self) -> PathBuf {
        self.dir.join("platform.db-wal")
    }

    /// A client of the first operator, whose token the first start wrote down.
    pub(crate) fn operator(&self) -> PlatformClient {
        let token = std::fs::read_to_string(self.dir.join("operator.token")).expect("the token");
        PlatformClient::new(&self.address, ClientCredential::Operator(Secret::new(token.trim().to_owned())))
            .expect("a client")
    }

    /// A new company with a key that is as good as without limits.
    pub(crate) async fn company(&self) -> (CompanyRow, PlatformClient) {
        let company = self
            .operator()
            .change(&changes::CREATE_COMPANY, &NewCompany { name: "Acme".to_owned() })
            .await
            .expect("a company");
        let most = Some(1_000_000);
        let limits = RequestedLimits { read: most, write: most, admin: most };
        let new = NewKey {
            company_id: company.id,
            name: "everything".to_owned(),
            scopes: KeyScope::ALL.to_vec(),
            limits: Some(limits),
        };
        let key = self.operator().change(&changes::CREATE_KEY, &new).await.expect("a key").key.into_secret();
        (company, PlatformClient::new(&self.address, ClientCredential::Key(key)).expect("a client"))
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.child.kill().and_then(|()| self.child.wait());
    }
}

/// A subscription to leads at `url`.
pub(crate) fn subscription(url: &str) -> NewSubscription {
    NewSubscription::new(url, ["lead.created"])
}

/// Builds the event of a new lead, as the CRM would publish it.
pub(crate) fn lead(company_id: CompanyId) -> NewEvent {
    NewEvent { company_id, kind: EventType::LeadCreated, payload: None, metadata: None }
}
