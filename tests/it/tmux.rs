//! Copying in a console that runs inside tmux: the text is in tmux's buffer whatever tmux is set to, and the console says so.

use crate::sharing::Scene;
use crate::support::terminal::Terminal;
use std::path::Path;
use std::process::{Command, Output};

/// A tmux of its own, which ends with the value.
struct Tmux<'a> {
    socket: &'a Path,
}

impl Tmux<'_> {
    fn run(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new("tmux");
        command.arg("-S").arg(self.socket).args(arguments).env_remove("TMUX");
        command.output().expect("tmux runs; on Debian it is in the package tmux")
    }
}

impl Drop for Tmux<'_> {
    fn drop(&mut self) {
        self.run(&["kill-server"]);
    }
}

#[test]
fn text_copied_inside_tmux_is_in_its_buffer_with_any_setting() {
    let scene = Scene::new();
    for (n, settings) in [
        "",
        "set -g set-clipboard on\n",
        "set -g allow-passthrough on\n",
        "set -g set-clipboard off\nset -g allow-passthrough off\n",
    ]
    .into_iter()
    .enumerate()
    {
        let (file, socket) =
            (scene.dir.path().join(format!("tmux-{n}.conf")), scene.dir.path().join(format!("tmux-{n}")));
        std::fs::write(&file, settings).expect("written");
        let tmux = Tmux { socket: &socket };
        let (file, socket) = (file.to_string_lossy().into_owned(), socket.to_string_lossy().into_owned());
        let mut arguments = vec!["-S", &socket, "-f", &file, "new-session", env!("CARGO_BIN_EXE_crow")];
        let console = scene.arguments();
        arguments.extend(console.iter().map(String::as_str));
        let state = scene.dir.path().join("state");
        let variables = [("XDG_STATE_HOME", state.as_path()), ("TMUX", Path::new(""))];
        let mut terminal = Terminal::run_with(120, 36, "tmux", &arguments, &variables);
        terminal.shows("LIVE");
        assert!(!tmux.run(&["show-buffer"]).status.success(), "nothing is in it yet");
        terminal.press("3y\r");
        terminal.shows("1 byte copied to the tmux buffer");
        let buffer = tmux.run(&["show-buffer"]);
        assert_eq!(String::from_utf8_lossy(&buffer.stdout), "1", "{settings}");
    }
}
