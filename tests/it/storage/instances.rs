//! Several instances on one data directory.

use super::process::Serving;
use std::collections::BTreeSet;
use tempfile::TempDir;

#[test]
fn k5_one_of_eight_simultaneous_starts_runs_and_the_others_name_it() {
    for _ in 0..3 {
        let dir = TempDir::new().expect("a directory");
        let start = || Serving::attempt(&dir.path().join("data"));
        let (running, refused): (Vec<_>, Vec<_>) = std::thread::scope(|scope| {
            let racers: Vec<_> = (0..8).map(|_| scope.spawn(start)).collect();
            racers.into_iter().map(|racer| racer.join().expect("no panic")).partition(Result::is_ok)
        });
        let running: Vec<Serving> = running.into_iter().flatten().collect();
        assert_eq!((running.len(), refused.len()), (1, 7));
        let told: BTreeSet<String> = refused.into_iter().filter_map(Result::err).collect();
        let holder = format!("in use by process {};", running[0].id());
        assert!(told.iter().all(|why| why.contains("exit code 2") && why.contains(&holder)), "{told:#?} {holder}");
    }
}
