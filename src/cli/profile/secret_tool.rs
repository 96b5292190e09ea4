//! Keyring of Linux and BSD: the Secret Service of the desktop, such as GNOME Keyring or KWallet, by libsecret's program
//! `secret-tool`. Secrets travel over its standard input and output, never as arguments.

use super::keyring_error::KeyringError;
use crate::clock::RuntimeEnv;
use crate::domain::secret::Secret;
use crate::files::{self, MAX_SECRET_BYTES};
use std::io;
use std::process::{ExitStatus, Stdio};
use std::thread;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::{Child, Command};

const PROGRAM: &str = "secret-tool";
/// Maximum wait for the program: the keyring may ask the operator to unlock it meanwhile.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(60);

/// Stores a secret under an account, in place of the one that the account has.
pub(super) fn store(service: &str, account: &str, secret: &Secret) -> Result<(), KeyringError> {
    let label = format!("--label={service}: {account}");
    run(&["store", &label, "--", "service", service, "username", account], Some(secret)).map(drop)
}

/// Reads the secret of an account.
pub(super) fn lookup(service: &str, account: &str) -> Result<Secret, KeyringError> {
    let secret = run(&["lookup", "--", "service", service, "username", account], None)?;
    let text = files::into_text(secret).map_err(|error| KeyringError::Unavailable(error.to_string()))?;
    Ok(Secret::new(text))
}

/// Deletes the secret of an account.
pub(super) fn clear(service: &str, account: &str) -> Result<(), KeyringError> {
    run(&["clear", "--", "service", service, "username", account], None).map(drop)
}

fn run(arguments: &[&str], input: Option<&Secret>) -> Result<Vec<u8>, KeyringError> {
    let mut command = Command::new(PROGRAM);
    command.args(arguments);
    let answer = wait_for_answer(command, input, ANSWER_TIMEOUT).map_err(|error| {
        KeyringError::Unavailable(match error.kind() {
            io::ErrorKind::NotFound => format!("{PROGRAM} is not installed"),
            _ => format!("{PROGRAM}: {error}"),
        })
    })?;
    if answer.status.success() {
        return Ok(answer.output);
    }
    let complaint = String::from_utf8_lossy(&answer.complaint);
    // Without a complaint, the program found no entry.
    Err(match complaint.lines().next() {
        None => KeyringError::NoEntry,
        Some(line) => KeyringError::Unavailable(line.trim_start_matches(PROGRAM).trim_start_matches(": ").to_owned()),
    })
}

/// Answer of a program that has ended.
struct ProgramAnswer {
    status: ExitStatus,
    output: Vec<u8>,
    complaint: Vec<u8>,
}

/// Runs a program to its end, on a thread with a runtime of its own, because callers are not asynchronous.
///
/// # Errors
/// [`io::Error`] when the program cannot be started; [`io::ErrorKind::TimedOut`] after `limit`, and
/// [`io::ErrorKind::FileTooLarge`] for more than [`MAX_SECRET_BYTES`] on one of its outputs: then the program is killed.
fn wait_for_answer(mut command: Command, input: Option<&Secret>, limit: Duration) -> io::Result<ProgramAnswer> {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let work = async move {
        let mut program = command.spawn()?;
        let answer = RuntimeEnv::real().timeout(limit, converse(&mut program, input)).await;
        let answer = answer.unwrap_or_else(|| {
            let seconds = limit.as_secs();
            Err(io::Error::new(io::ErrorKind::TimedOut, format!("no answer within {seconds} s")))
        });
        if answer.is_err() {
            program.kill().await?;
        }
        answer
    };
    thread::scope(|scope| {
        let at_work =
            scope.spawn(|| tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(work));
        at_work.join().unwrap_or_else(|_| Err(io::Error::other("the thread failed")))
    })
}

async fn converse(program: &mut Child, input: Option<&Secret>) -> io::Result<ProgramAnswer> {
    let (stdin, stdout, stderr) = (program.stdin.take(), program.stdout.take(), program.stderr.take());
    let write = async {
        if let (Some(mut stdin), Some(secret)) = (stdin, input) {
            // A program that ends without reading says why.
            let _ = stdin.write_all(secret.reveal().as_bytes()).await;
        }
        Ok::<(), io::Error>(())
    };
    let ((), output, complaint) = tokio::try_join!(write, read_bounded(stdout), read_bounded(stderr))?;
    Ok(ProgramAnswer { status: program.wait().await?, output, complaint })
}

/// Reads a stream to its end, within [`MAX_SECRET_BYTES`].
async fn read_bounded(stream: Option<impl AsyncRead + Unpin>) -> io::Result<Vec<u8>> {
    let limit = usize::try_from(MAX_SECRET_BYTES).unwrap_or(usize::MAX);
    // As much room as is read at most: a buffer that grew would leave copies of a secret behind.
    let mut bytes = Vec::with_capacity(limit + 1);
    if let Some(stream) = stream {
        stream.take(MAX_SECRET_BYTES + 1).read_to_end(&mut bytes).await?;
    }
    if bytes.len() > limit {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, "the answer is too large"));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str, input: Option<&Secret>, limit: Duration) -> io::Result<ProgramAnswer> {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        wait_for_answer(command, input, limit)
    }

    #[test]
    fn a_program_gets_the_secret_on_its_input_and_answers_on_both_outputs() {
        let secret = Secret::new("wlcro_live_1_x".to_owned());
        let answer = shell("cat; echo why >&2; exit 3", Some(&secret), ANSWER_TIMEOUT).expect("an answer");
        assert_eq!(
            (answer.output.as_slice(), answer.complaint.as_slice()),
            (b"wlcro_live_1_x".as_slice(), b"why\n".as_slice())
        );
        assert_eq!(answer.status.code(), Some(3));
    }

    #[test]
    fn a_program_that_does_not_end_or_never_stops_writing_is_killed() {
        let dir = tempfile::tempdir().expect("a directory");
        let pid = dir.path().join("pid");
        for (script, limit, kind) in [
            ("exec tail -f /dev/null", Duration::from_millis(200), io::ErrorKind::TimedOut),
            ("exec yes", ANSWER_TIMEOUT, io::ErrorKind::FileTooLarge),
            ("exec yes >&2", ANSWER_TIMEOUT, io::ErrorKind::FileTooLarge),
        ] {
            let script = format!("echo $$ > {}; {script}", pid.display());
            let error = shell(&script, None, limit).err().expect("an error");
            assert_eq!(error.kind(), kind, "{script}");
            let pid: i32 = std::fs::read_to_string(&pid).expect("a pid").trim().parse().expect("a number");
            let pid = rustix::process::Pid::from_raw(pid).expect("a process");
            assert_eq!(rustix::process::test_kill_process(pid), Err(rustix::io::Errno::SRCH), "{script}");
        }
    }
}
