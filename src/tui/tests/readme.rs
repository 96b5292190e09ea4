//! The guide's table of keys is the registry's.

use crate::tui::keys::action::BindingGroup;
use crate::tui::keys::bindings::BINDINGS;

const GUIDE: &str = include_str!("../../../docs/console.md");

/// The table as it must stand between the guide's marks.
fn table() -> String {
    let mut lines = vec!["| keys | what they do | name |".to_owned(), "|---|---|---|".to_owned()];
    for group in BindingGroup::ALL {
        for binding in BINDINGS.iter().filter(|binding| binding.group == group) {
            let keys: Vec<String> = binding.chords.iter().map(|chord| format!("`{}`", chord.name())).collect();
            let keys = keys.join(" ");
            let line = format!("| {keys} | {} | `{}` |", binding.label, binding.name);
            if !lines.contains(&line) {
                lines.push(line);
            }
        }
    }
    lines.join("\n")
}

#[test]
fn the_guide_lists_the_keys_of_the_registry() {
    let (_, rest) = GUIDE.split_once("<!-- keys -->\n").expect("the mark where the table begins");
    let (written, _) = rest.split_once("\n<!-- /keys -->").expect("the mark where the table ends");
    assert_eq!(written, table(), "put this into docs/console.md between the marks:\n{}\n", table());
}
