//! Endless, slow and huge answers and files: each command of the real binary ends with one line that says what, and holds at most 64 MiB more
//! than the same command does where no server answers.

use crate::support::lines::Lines;
use crate::support::platform::within;
use crate::support::serving::Serving;
use crow::client::Error;
use crow::client::connection::{ClientCredential, PlatformClient};
use crow::clock::RuntimeEnv;
use crow::domain::secret::Secret;
use std::fs::File;
use std::io::{Cursor, Write as _};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

const KEY: &str = "wlcro_live_92_abc_DEF-0123456789abcdefghijklmnopqrstuvwxy";
const TOKEN: &str = "wlop_abcdefghijklmnopqrstuvwxyz0123456789-ABCDEF";
/// Memory that hostile input may cost, in KiB.
const MAX_GROWTH: u64 = 64 * 1024;
/// Maximum time of a command, including its start.
const MAX_TIME: Duration = Duration::from_secs(40);
/// The pause between two looks at a process.
const LOOK_INTERVAL: Duration = Duration::from_millis(5);
/// Maximum number of runs of a command until its memory was looked at before it ended.
const MAX_RUNS: usize = 50;

/// Kind of misbehaviour of a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Hostile {
    /// 200 and a body without end.
    EndlessBody,
    /// 503 and a body without end.
    EndlessRefusal,
    /// A body of 10 GiB, as its head says.
    Announced,
    /// A body that comes byte by byte.
    Drip,
    /// A header without end.
    EndlessHeader,
    /// 103 without end.
    EndlessHints,
    /// A list of 3,900,000 numbers, well formed.
    ManyItems,
    /// An object of 900,000 members.
    ManyMembers,
}

impl Hostile {
    const ALL: [Self; 8] = [
        Self::EndlessBody,
        Self::EndlessRefusal,
        Self::Announced,
        Self::Drip,
        Self::EndlessHeader,
        Self::EndlessHints,
        Self::ManyItems,
        Self::ManyMembers,
    ];

    /// Returns the beginning of the answer, and the part that is repeated.
    fn said(self) -> (String, String) {
        let head = |status: &str| format!("HTTP/1.1 {status}\r\ncontent-type: application/json\r\n");
        let whole = |body: &str| format!("{}content-length: {}\r\n\r\n{body}", head("200 OK"), body.len());
        let blocks = " ".repeat(64 * 1024);
        match self {
            Self::EndlessBody => (format!("{}\r\n{{\"items\":[", head("200 OK")), blocks),
            Self::EndlessRefusal => (format!("{}\r\n", head("503 Busy")), blocks),
            Self::Announced => (format!("{}content-length: 10737418240\r\n\r\n[", head("200 OK")), blocks),
            Self::Drip => (format!("{}\r\n", head("200 OK")), " ".to_owned()),
            Self::EndlessHeader => (format!("{}x-long: ", head("200 OK")), "x".repeat(64 * 1024)),
            Self::EndlessHints => (String::new(), "HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n".repeat(1_000)),
            Self::ManyItems => {
                let items = "0,".repeat(3_900_000);
                (whole(&format!("{{\"items\":[{items}0],\"nextCursor\":null,\"hasMore\":false}}")), String::new())
            }
            Self::ManyMembers => {
                let members: String = (0..900_000).map(|n| format!("\"{n}\":0,")).collect();
                (whole(&format!("{{{members}\"items\":[]}}")), String::new())
            }
        }
    }
}

/// Server that misbehaves in one way until it is dropped.
struct HostileServer {
    address: String,
    serving: JoinHandle<()>,
}

impl HostileServer {
    async fn start(hostile: Hostile) -> Self {
        let said = Arc::new(hostile.said());
        let pause = if hostile == Hostile::Drip { Duration::from_millis(100) } else { Duration::ZERO };
        Self::answering(move |_| Arc::clone(&said), pause).await
    }

    /// Answers each request, by its first line, with what comes first and what comes over and over.
    async fn answering(said: impl Fn(&str) -> Arc<(String, String)> + Send + Sync + 'static, pause: Duration) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = format!("http://{}", listener.local_addr().expect("an address"));
        let said = Arc::new(said);
        let serving = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let said = Arc::clone(&said);
                connections.spawn(async move { speak(stream, &*said, pause).await });
            }
        });
        Self { address, serving }
    }
}

impl Drop for HostileServer {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// Answers one request, for as long as the client reads.
async fn speak(mut stream: TcpStream, said: &impl Fn(&str) -> Arc<(String, String)>, pause: Duration) {
    let (mut head, mut part) = (Vec::new(), [0; 4_096]);
    while !head.windows(4).any(|end| end == b"\r\n\r\n") {
        match stream.read(&mut part).await {
            Ok(n) if n > 0 => head.extend_from_slice(&part[..n]),
            _ => return,
        }
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    let said = said(head.lines().next().unwrap_or_default());
    let (first, again) = &*said;
    if stream.write_all(first.as_bytes()).await.is_err() {
        return;
    }
    let ambient = RuntimeEnv::real();
    while !again.is_empty() && stream.write_all(again.as_bytes()).await.is_ok() {
        if pause > Duration::ZERO {
            ambient.sleep(pause).await;
        }
    }
}

/// Result of a command, with its time and memory.
#[derive(Debug)]
struct Measured {
    code: Option<i32>,
    stderr: String,
    /// Peak memory of the command, in KiB.
    peak: u64,
}

/// A home of its own, with a key and a token in files.
struct Home(TempDir);

impl Home {
    fn new() -> Self {
        let dir = TempDir::new().expect("a directory");
        for (name, text) in [("key", KEY), ("token", TOKEN), ("secret", "whsec-0123456789-0123456789")] {
            std::fs::write(dir.path().join(name), text).expect("written");
            std::fs::set_permissions(dir.path().join(name), std::fs::Permissions::from_mode(0o600)).expect("ours");
        }
        Self(dir)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn crow(&self, arguments: &[String]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_crow"));
        command.args(arguments).stdin(Stdio::null());
        for (name, folder) in [("XDG_CONFIG_HOME", "config"), ("XDG_DATA_HOME", "data"), ("XDG_STATE_HOME", "state")] {
            command.env(name, self.path(folder));
        }
        command
    }

    fn fifo(&self, name: &str) -> PathBuf {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        assert!(Command::new("mkfifo").arg(&path).status().expect("mkfifo runs").success());
        path
    }

    /// Runs a command to its end, or stops it as soon as stdout contains `until`. A run that ended before its memory was
    /// looked at, as happens on a busy machine, is made again.
    async fn measure(&self, arguments: &[String], until: Option<&str>) -> Measured {
        for _ in 0..MAX_RUNS {
            let measured = self.measure_once(arguments, until).await;
            if measured.peak > 0 {
                return measured;
            }
        }
        panic!("{arguments:?} ended {MAX_RUNS} times before its memory was looked at");
    }

    async fn measure_once(&self, arguments: &[String], until: Option<&str>) -> Measured {
        let out = tempfile::tempfile_in(self.0.path()).expect("a file");
        let err = tempfile::NamedTempFile::new_in(self.0.path()).expect("a file");
        let told = tempfile::NamedTempFile::new_in(self.0.path()).expect("a file");
        let stdout = if until.is_some() { told.reopen().expect("a file") } else { out };
        let mut command = self.crow(arguments);
        command.stdout(Stdio::from(stdout)).stderr(Stdio::from(err.reopen().expect("a file")));
        let mut child = command.spawn().expect("the binary starts");
        let (ambient, watch, mut peak) = (RuntimeEnv::real(), RuntimeEnv::real().stopwatch(), 0);
        let code = loop {
            peak = peak_of(child.id()).unwrap_or(peak);
            if let Some(status) = child.try_wait().expect("a process") {
                break status.code();
            }
            let is_told = until.is_some_and(|text| {
                String::from_utf8_lossy(&std::fs::read(told.path()).expect("readable")).contains(text)
            });
            if is_told || watch.elapsed() > MAX_TIME {
                child.kill().expect("it ends");
                child.wait().expect("it ends");
                assert!(is_told, "{arguments:?} took longer than {MAX_TIME:?}");
                break None;
            }
            ambient.sleep(LOOK_INTERVAL).await;
        };
        Measured { code, stderr: std::fs::read_to_string(err.path()).expect("text"), peak }
    }
}

/// The most memory that a process ever held, in KiB.
pub(crate) fn peak_of(pid: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?.trim().trim_end_matches(" kB").parse().ok()
}

fn words(text: &str) -> Vec<String> {
    text.split_whitespace().map(str::to_owned).collect()
}

/// Asserts that a command ended with one line that names the fault and the remedy, within its memory limit.
fn assert_bounded(what: &str, came: &Measured, usual: u64) {
    let is_end = |line: &&str| line.starts_with("crow: ") && !line.starts_with("crow: waiting: ");
    let lines: Vec<&str> = came.stderr.lines().filter(is_end).collect();
    assert!(came.peak > 0 && came.peak < usual + MAX_GROWTH, "{what}: {} KiB, usually {usual}", came.peak);
    assert!(matches!(came.code, Some(1 | 2)), "{what}: {came:?}");
    assert_eq!(lines.len(), 1, "{what}: {}", came.stderr);
    assert!(lines[0].contains("; "), "{what} says what to do: {}", came.stderr);
}

#[tokio::test]
async fn l4_hostile_answers_cost_every_command_a_bounded_time_and_memory() {
    let home = Arc::new(Home::new());
    let commands = ["keys list --json", "events list", "export", "audit", "briefing --key 1", "watch --acknowledge k"];
    let by_operator = commands.map(|command| (command, "token"));
    let by_key = [("reconcile --types lead.created --since 1h", "key"), ("console --plain", "key")];
    let mut all = by_operator.to_vec();
    all.extend(by_key);
    let ask = |command: &str, url: &str, credential: &str| {
        let file = home.path(credential).display().to_string();
        [words(command), words(&format!("--url {url} --{credential}-file {file}"))].concat()
    };
    let is_console = |command: &str| command.starts_with("console");
    let mut usual = 0;
    for (command, credential) in &all {
        let until = is_console(command).then_some("OFFLINE");
        let came = home.measure(&ask(command, "http://127.0.0.1:9", credential), until).await;
        usual = usual.max(came.peak);
    }
    let worst = Arc::new(Mutex::new(0));
    for hostile in Hostile::ALL {
        let server = HostileServer::start(hostile).await;
        let mut running = JoinSet::new();
        for (command, credential) in all.clone() {
            // A console makes several calls in a round, and each of these takes all the time that a call has.
            if is_console(command) && matches!(hostile, Hostile::Drip | Hostile::EndlessHints) {
                continue;
            }
            let (home, worst) = (Arc::clone(&home), Arc::clone(&worst));
            let arguments = ask(command, &server.address, credential);
            running.spawn(async move {
                let state = if hostile == Hostile::EndlessRefusal { "WAITING" } else { "OFFLINE" };
                let until = is_console(command).then_some(state);
                let came = home.measure(&arguments, until).await;
                let what = format!("{command} of {hostile:?}");
                if until.is_none() {
                    assert_bounded(&what, &came, usual);
                }
                assert!(came.peak < usual + MAX_GROWTH, "{what}: {} KiB, usually {usual}", came.peak);
                let mut worst = worst.lock().expect("not poisoned");
                *worst = came.peak.max(*worst);
            });
        }
        running.join_all().await;
    }
    #[expect(clippy::print_stdout, reason = "the figure is looked at with --nocapture")]
    {
        println!("L4: hostile answers cost {} KiB at most, {usual} KiB without", worst.lock().expect("not poisoned"));
    }
}

#[tokio::test]
async fn l4_an_endless_stream_message_is_dropped_and_the_console_continues() {
    let serving = Serving::start(&[]);
    let overview = serving.operator().overview(10).await.expect("an overview");
    let overview = serde_json::to_string(&overview).expect("JSON");
    let length = overview.len();
    let known = Arc::new((format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n{overview}"), String::new()));
    let stream = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\ndata: ".to_owned();
    let endless = Arc::new((stream, "x".repeat(64 * 1024)));
    let said = move |line: &str| Arc::clone(if line.contains("/stream") { &endless } else { &known });
    let server = HostileServer::answering(said, Duration::ZERO).await;
    let home = Home::new();
    let token = home.path("token").display().to_string();
    let arguments = words(&format!("console --plain --url {} --token-file {token}", server.address));
    let came = home.measure(&arguments, Some("an unterminated message")).await;
    assert!(came.peak < 3 * MAX_GROWTH / 2, "{came:?}");
}

/// A bundle of the real binary in a folder.
fn bundle(home: &Home) -> PathBuf {
    let serving = Serving::start(&[]);
    let path = home.path("ticket");
    let made = serving.ask(&["escalate", "--out", path.to_str().expect("text")]);
    assert!(made.status.success(), "{made:?}");
    path
}

/// An archive of these files, packed.
fn packed(path: &Path, files: &[(String, Vec<u8>)]) {
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_method(zip::CompressionMethod::Deflated);
    for (name, bytes) in files {
        archive.start_file(format!("ticket/{name}"), options).expect("a file");
        archive.write_all(bytes).expect("written");
    }
    std::fs::write(path, archive.finish().expect("an archive").into_inner()).expect("written");
}

fn files_of(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let entries = std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry"));
    entries
        .map(|entry| (entry.file_name().into_string().expect("text"), std::fs::read(entry.path()).expect("bytes")))
        .collect()
}

#[tokio::test]
async fn l4_hostile_bundles_are_refused_at_once_and_a_repacked_one_opens() {
    let home = Home::new();
    let good = bundle(&home);
    let files = files_of(&good);
    let repacked = home.path("repacked.zip");
    packed(&repacked, &files);
    let opened = home.measure(&words(&format!("open --json {}", repacked.display())), None).await;
    assert_eq!(opened.code, Some(0), "{opened:?}");
    let manifest = String::from_utf8(std::fs::read(good.join("manifest.json")).expect("bytes")).expect("text");
    let with = |name: &str, manifest: &str| {
        let folder = home.path(name);
        std::fs::create_dir(&folder).expect("made");
        for (name, bytes) in &files {
            std::fs::write(folder.join(name), bytes).expect("written");
        }
        std::fs::write(folder.join("manifest.json"), manifest).expect("written");
        folder
    };
    let start = manifest.find("\"files\"").expect("a list");
    let first = start + manifest[start..].find('{').expect("an entry");
    let entry = &manifest[first..=first + manifest[first..].find('}').expect("its end")];
    let repeated = format!("{}{}{}", &manifest[..first], format!("{entry},").repeat(40_000), &manifest[first..]);
    let mut hostile = vec![with("repeated", &repeated)];
    hostile.push(with("twice", &format!("{}{entry},{}", &manifest[..first], &manifest[first..])));
    let fifo = with("fifo", &manifest);
    std::fs::remove_file(fifo.join("manifest.json")).expect("removed");
    home.fifo("fifo/manifest.json");
    hostile.push(fifo);
    let endless = with("endless", &manifest);
    std::fs::remove_file(endless.join("ticket.json")).expect("removed");
    symlink("/dev/zero", endless.join("ticket.json")).expect("linked");
    hostile.push(endless);
    // Bombs: a ticket of 1 GiB in 1 MiB; a manifest of as much; more files than a bundle has.
    let zeros = vec![b' '; 256 << 20];
    for name in ["ticket.json", "manifest.json"] {
        let mut files: Vec<_> = files.iter().filter(|(other, _)| other != name).cloned().collect();
        files.push((name.to_owned(), zeros.clone()));
        let bomb = home.path(&format!("bomb-{name}.zip"));
        packed(&bomb, &files);
        assert!(std::fs::metadata(&bomb).expect("a file").len() < 4 << 20);
        hostile.push(bomb);
    }
    let crowd = home.path("crowd.zip");
    packed(&crowd, &(0..60_000).map(|n| (n.to_string(), Vec::new())).collect::<Vec<_>>());
    hostile.extend([crowd, PathBuf::from("/dev/zero"), home.fifo("bundle.zip")]);
    let huge = home.path("huge.zip");
    File::create(&huge).expect("a file").set_len(8 << 30).expect("a sparse file");
    hostile.push(huge);
    let usual = home.measure(&words("open /nowhere"), None).await.peak;
    for path in hostile {
        let came = home.measure(&words(&format!("open {}", path.display())), None).await;
        assert_bounded(&format!("{}", path.display()), &came, usual);
    }
}

#[tokio::test]
async fn l4_endless_files_and_pipes_without_a_writer_are_refused_wherever_a_file_is_read() {
    let home = Arc::new(Home::new());
    let fifo = home.fifo("pipe").display().to_string();
    let data = home.path("platform").display().to_string();
    let (key, secret) = (home.path("key").display().to_string(), home.path("secret").display().to_string());
    let body = home.path("key").display().to_string();
    let mut commands = Vec::new();
    for file in ["/dev/zero", fifo.as_str()] {
        let url = "--url http://127.0.0.1:9";
        commands.extend([
            format!("import {file} {url} --token-file {key}"),
            format!("events emit lead.created --company 1 --payload {file} {url} --token-file {key}"),
            format!("keys list {url} --token-file {file}"),
            format!("reconcile {url} --key-file {file}"),
            format!("profile add p --url https://x.example --key-file {file}"),
            format!("db restore {file} --data {data}"),
            format!("verify --headers {file} --body {body} --secret-file {secret}"),
            format!("verify --signature s --timestamp 1 --body {file} --secret-file {secret}"),
            format!("verify --signature s --timestamp 1 --body {body} --secret-file {file}"),
            format!("listen --secret-file {file}"),
            format!("serve --bind 127.0.0.1:0 --data {data}-x --trust-ca {file}"),
            format!("audit --last {file} {url} --token-file {}", home.path("token").display()),
            format!("console --plain --theme {file} {url} --key-file {key}"),
        ]);
    }
    let usual = home.measure(&words("open /nowhere"), None).await.peak;
    let mut running = JoinSet::new();
    for command in commands {
        let home = Arc::clone(&home);
        running.spawn(async move { (home.measure(&words(&command), None).await, command) });
    }
    for (came, command) in running.join_all().await {
        assert_bounded(&command, &came, usual);
    }
    // Files that are not named on the command line: the configuration, and what an earlier run has left.
    for target in ["/dev/zero", fifo.as_str()] {
        let home = Home::new();
        for place in ["config/crow/config.toml", "told/told.json"] {
            let place = home.path(place);
            std::fs::create_dir_all(place.parent().expect("a folder")).expect("made");
            symlink(target, place).expect("linked");
        }
        let token = home.path("token").display().to_string();
        let (told, url) = (home.path("told").display().to_string(), "--url http://127.0.0.1:9");
        for command in ["config check".to_owned(), format!("watch --list --state {told} {url} --token-file {token}")] {
            let came = within(&command, home.measure(&words(&command), None)).await;
            assert!(matches!(came.code, Some(1 | 2)) && came.peak < usual + MAX_GROWTH, "{command}: {came:?}");
        }
    }
}

#[tokio::test]
async fn l4_hostile_answers_of_forwarding_targets_are_cut_or_dropped() {
    for hostile in Hostile::ALL {
        let (server, home) = (HostileServer::start(hostile).await, Home::new());
        let listening = Lines::start(&mut home.crow(&words(&format!("listen --json --forward {}", server.address))));
        listening.tells(1, "listening on ").await;
        let usual = listening.peak();
        let address = listening.told()[0].replace("listening on ", "");
        let http = crow::client::connection::bare_http_client().expect("a client");
        let body = r#"{"id":1,"type":"lead.created"}"#;
        let mut answered = within("it is answered", http.post(&address).body(body).send()).await.expect("an answer");
        let status = answered.status().as_u16();
        // The answer is passed on as it comes; a sender takes as much of it as it wants, and waits as long.
        let ambient = RuntimeEnv::real();
        let mut length = 0;
        while length < 4 * 1024 * 1024
            && let Some(Ok(Some(chunk))) = ambient.timeout(Duration::from_secs(1), answered.chunk()).await
        {
            length += chunk.len();
        }
        drop(answered);
        let expected: &[u16] = match hostile {
            Hostile::EndlessBody | Hostile::Announced | Hostile::ManyItems | Hostile::ManyMembers => &[200],
            Hostile::EndlessRefusal => &[503],
            Hostile::Drip => &[200, 504],
            Hostile::EndlessHeader | Hostile::EndlessHints => &[502, 504],
        };
        assert!(expected.contains(&status), "{hostile:?}: {status}");
        assert!(listening.peak() < usual + MAX_GROWTH, "{hostile:?}: {} KiB, usually {usual}", listening.peak());
    }
}

#[tokio::test]
async fn l4_hostile_answers_to_a_check_for_secrets_are_cut_or_given_up() {
    for hostile in [Hostile::EndlessBody, Hostile::Announced, Hostile::EndlessRefusal] {
        let server = HostileServer::start(hostile).await;
        let token = ClientCredential::Operator(Secret::new(TOKEN.to_owned()));
        let client = PlatformClient::new(&server.address, token).expect("a client");
        let came = within("it is answered", client.check_secrets("a text".to_owned())).await.expect_err("no report");
        let is_expected = match hostile {
            Hostile::EndlessRefusal => matches!(came, Error::UnreadableAnswer { status: 503, .. }),
            _ => matches!(came, Error::TooLarge { status: 200, .. }),
        };
        assert!(is_expected, "{hostile:?}: {came:?}");
    }
}
