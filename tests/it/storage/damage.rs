//! K4: damaged, truncated and foreign files are refused, kept, and the way out is named.

use super::cuts::copied;
use super::process::{Serving, crow, done, ended, lead, refused, subscription};
use crow::wire::changes;
use std::path::Path;
use tempfile::TempDir;

const PAGE: usize = 4_096;

/// A stopped platform, and the bytes of its database.
async fn platform(dir: &Path) -> Vec<u8> {
    let serving = Serving::start(dir);
    let (company, partner) = serving.company().await;
    partner.create_subscription(&subscription("http://127.0.0.1:9/")).await.expect("a subscription");
    for _ in 0..20 {
        serving.operator().change(&changes::EMIT_EVENT, &lead(company.id)).await.expect("an event");
    }
    serving.stop();
    std::fs::read(dir.join("platform.db")).expect("a database")
}

/// Checks that `crow serve` refuses the directory with one line that names the remedy.
fn names_the_way_out(dir: &Path) -> bool {
    let Err(line) = Serving::attempt(dir) else { return false };
    assert!(line.starts_with("exit code 2: ") && line.trim_end().lines().count() == 1, "{line}");
    assert!(line.contains("crow db ") || line.contains("--data DIR"), "{line}");
    true
}

/// Checks that `crow serve` refuses the directory without changing the file.
fn is_refused(dir: &Path, bytes: &[u8]) -> bool {
    let is_refused = names_the_way_out(dir);
    assert!(!is_refused || std::fs::read(dir.join("platform.db")).expect("kept") == bytes, "the file is kept");
    is_refused
}

#[tokio::test]
async fn k4_a_corrupt_page_is_found_anywhere_and_nothing_panics() {
    let home = TempDir::new().expect("a directory");
    let (from, dir) = (home.path().join("from"), home.path().join("data"));
    let whole = platform(&from).await;
    let mut n_refused = 0;
    for (number, page) in whole.chunks(PAGE).enumerate().skip(1) {
        // Pages of trees; others (free ones, the rest of long rows) begin otherwise.
        if ![2, 5, 10, 13].contains(&page[0]) {
            continue;
        }
        copied(&from, &dir);
        let mut bytes = whole.clone();
        bytes[number * PAGE] ^= 0xff;
        std::fs::write(dir.join("platform.db"), &bytes).expect("written");
        let output = ended(&mut crow(&["db", "verify"], &dir));
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert_eq!(output.status.code(), Some(1), "page {number}: {output:?}");
        assert!(said.contains("WRONG"), "{said}");
        if number % 6 == 0 {
            n_refused += usize::from(names_the_way_out(&dir));
            // What is whole may have been written to before the damage was met; the damaged page is kept as it was found.
            let kept = std::fs::read(dir.join("platform.db")).expect("kept");
            let place = number * PAGE..(number + 1) * PAGE;
            assert!(kept.len() >= bytes.len() && kept[place.clone()] == bytes[place], "page {number}");
        }
    }
    assert!(n_refused > 0, "some of these pages are read at the start");
}

#[tokio::test]
async fn k4_truncated_foreign_newer_and_missing_databases_are_refused_and_unchanged() {
    let home = TempDir::new().expect("a directory");
    let (from, dir) = (home.path().join("from"), home.path().join("data"));
    let whole = platform(&from).await;
    let lengths = [0, 1, 99, 100, PAGE - 1, PAGE, 2 * PAGE, whole.len() / 2, whole.len() - PAGE];
    for length in lengths {
        copied(&from, &dir);
        std::fs::write(dir.join("platform.db"), &whole[..length]).expect("written");
        assert!(is_refused(&dir, &whole[..length]), "cut to {length} bytes");
    }
    copied(&from, &dir);
    std::fs::remove_file(dir.join("platform.db")).expect("removed");
    let line = refused(2, &mut crow(&["serve", "--bind", "127.0.0.1:0"], &dir));
    assert!(line.contains("platform.db is missing") && line.contains("crow db restore"), "{line}");
    assert!(!dir.join("platform.db").exists(), "nothing is founded in its place");

    // The mark, the version and the name of the format stand in the first hundred bytes.
    for (position, byte, named) in [(0, b'X', "crow db verify"), (68, b'X', "--data DIR"), (63, 99, "newer program")] {
        copied(&from, &dir);
        let mut bytes = whole.clone();
        bytes[position] = byte;
        std::fs::write(dir.join("platform.db"), &bytes).expect("written");
        assert!(is_refused(&dir, &bytes));
        let line = refused(2, &mut crow(&["serve", "--bind", "127.0.0.1:0"], &dir));
        assert!(line.contains(named), "{line}");
    }
    let name = from.join("platform.db").to_string_lossy().into_owned();
    std::fs::copy(from.join("platform.key"), from.join("platform.db.key")).expect("copied");
    done(&mut crow(&["db", "restore", &name, "--unauthenticated"], &dir));
    Serving::start(&dir).stop();
}
