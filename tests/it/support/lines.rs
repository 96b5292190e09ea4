//! A process of the real binary that tells what happens in lines on its standard output.

use super::platform::until;
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};

/// The process, ended when dropped.
pub(crate) struct Lines {
    child: Child,
    lines: Arc<Mutex<Vec<String>>>,
}

impl Lines {
    pub(crate) fn start(command: &mut Command) -> Self {
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().expect("the binary starts");
        let output = BufReader::new(child.stdout.take().expect("its stdout"));
        let lines = Arc::<Mutex<Vec<String>>>::default();
        std::thread::spawn({
            let lines = Arc::clone(&lines);
            move || {
                for line in output.lines().map_while(Result::ok) {
                    lines.lock().expect("not poisoned").push(line);
                }
            }
        });
        Self { child, lines }
    }

    /// Returns the lines written so far.
    pub(crate) fn told(&self) -> Vec<String> {
        self.lines.lock().expect("not poisoned").clone()
    }

    /// Lines with a text so far.
    pub(crate) fn n_with(&self, text: &str) -> usize {
        self.told().iter().filter(|line| line.contains(text)).count()
    }

    /// Waits until so many lines have a text.
    pub(crate) async fn tells(&self, n: usize, text: &str) {
        until(&format!("{n} times {text}, told: {:?}", self.told()), async || self.n_with(text) >= n).await;
    }

    /// State of the process as the kernel names it: `T` while it is stopped by a signal.
    pub(crate) fn state(&self) -> char {
        self.stat()[0].chars().next().expect("a state")
    }

    /// Fields of the kernel's description of the process, from its state on.
    fn stat(&self) -> Vec<String> {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id())).expect("its state");
        stat.rsplit(')').next().expect("fields").split_whitespace().map(ToOwned::to_owned).collect()
    }

    /// The CPU time that the process has used so far, in milliseconds.
    pub(crate) fn cpu_ms(&self) -> u64 {
        let fields = self.stat();
        // User and system time, in ticks of 10 ms.
        (fields[11].parse::<u64>().expect("a number") + fields[12].parse::<u64>().expect("a number")) * 10
    }

    /// The most memory that the process ever held, in KiB.
    pub(crate) fn peak(&self) -> u64 {
        crate::bounds::peak_of(self.child.id()).expect("it runs")
    }

    /// Sends the process a signal.
    pub(crate) fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args([&format!("-{name}"), &pid]).status().expect("kill runs").success());
    }

    /// Waits for its end, and answers with the exit code.
    pub(crate) fn ended(mut self) -> Option<i32> {
        self.child.wait().expect("an exit status").code()
    }
}

impl Drop for Lines {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
