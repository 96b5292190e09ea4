//! Takes the terminal as the console does and ends in one of the ways in which a program ends that something went wrong with. For
//! `.ci/ways-to-die`, which looks at what is left of the terminal, also where a panic aborts.

use crow::tui::runtime::terminal::{TerminalGuard, install_panic_hook};
use crow::tui::widgets::theme::MouseOwner;
use std::io::Write as _;

fn main() {
    install_panic_hook();
    let way = std::env::args().nth(1).unwrap_or_default();
    let failed: Result<(), &str> = {
        let _guard = TerminalGuard::set_up(MouseOwner::Console).expect("a terminal");
        let mut out = std::io::stdout();
        out.write_all(b"\x1b[2J\x1b[?2026hhalf a frame").and_then(|()| out.flush()).expect("written");
        match way.as_str() {
            "a_panic_in_the_loop" => panic!("the loop lost its way"),
            "a_panic_in_another_thread" => {
                let _ = std::thread::spawn(|| panic!("a thread lost its way")).join();
                Ok(())
            }
            _ => Err("an error came up"),
        }
    };
    if let Err(why) = failed {
        std::io::stdout().write_all(why.as_bytes()).expect("written");
    }
}
