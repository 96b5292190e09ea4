//! L2: a disk that is full to the last byte, and the real binary on it.

use super::process::{Serving, crow, done, ended, lead};
use super::scene::Scene;
use super::small::SmallDisk;
use crow::client;
use crow::client::connection::{ClientCredential, PlatformClient};
use crow::clock::RuntimeEnv;
use crow::domain::ids::{CompanyId, KeyId};
use crow::domain::operator::OperatorRole;
use crow::domain::secret::Secret;
use crow::wire::changes::{self, NoBody};
use crow::wire::operators::NewOperator;
use crow::wire::paths;
use crow::wire::problem::ProblemCode;
use serde_json::Value;
use std::path::Path;
use std::time::Duration;
use tempfile::TempDir;

/// Maximum time of any step.
const LIMIT: Duration = Duration::from_secs(30);

async fn within<T>(what: &str, work: impl Future<Output = T>) -> T {
    RuntimeEnv::real().timeout(LIMIT, work).await.unwrap_or_else(|| panic!("waited too long: {what}"))
}

/// Polls until a condition holds.
async fn until(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    within(what, async {
        while !is_so().await {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

/// Status and code of a refused call; 200 for one that is not.
fn answer<T>(answer: Result<T, client::Error>) -> (u16, Option<ProblemCode>) {
    match answer {
        Ok(_) => (200, None),
        Err(client::Error::Refused { problem }) => (problem.status, Some(problem.code)),
        Err(other) => panic!("{other}"),
    }
}

/// Asks again where a connection that was kept has ended with the process at its other end.
async fn reconnected<T>(call: impl AsyncFn() -> Result<T, client::Error>) -> (u16, Option<ProblemCode>) {
    match call().await {
        Err(client::Error::Unreachable { .. }) => answer(call().await),
        answered => answer(answered),
    }
}

/// Status, code and words of `/readyz`.
async fn readyz(operator: &PlatformClient) -> (u16, Option<ProblemCode>, String) {
    match operator.get_any::<Value>(paths::READYZ, &[]).await {
        Err(client::Error::Refused { problem }) => (problem.status, Some(problem.code), problem.detail),
        answered => (answer(answered).0, None, String::new()),
    }
}

/// Neither gets in any more.
async fn are_out(partner: &PlatformClient, rogue: &PlatformClient) {
    assert_eq!(reconnected(async || partner.events(None, 1).await).await, (401, Some(ProblemCode::RevokedKey)));
    assert_eq!(reconnected(async || rogue.overview(1).await).await, (401, Some(ProblemCode::UnknownOperator)));
}

/// Returns the exit code and the output of a command about a running platform.
fn asked(command: &[&str], serving: &Serving, dir: &Path) -> (i32, String) {
    let token = dir.join("operator.token").display().to_string();
    let mut asked = std::process::Command::new(env!("CARGO_BIN_EXE_crow"));
    asked.args(command).args(["--url", &serving.address, "--token-file", &token]);
    let output = ended(&mut asked);
    (output.status.code().expect("it ends"), String::from_utf8_lossy(&output.stdout).into_owned())
}

/// The revocations in the audit trail, newest first.
async fn revocations(operator: &PlatformClient) -> Vec<String> {
    let page: Value = operator.get_any(paths::AUDIT, &[]).await.expect("reads go on");
    let actions = page["items"].as_array().expect("rows").iter().map(|row| row["action"].as_str().expect("text"));
    actions.filter(|action| action.starts_with("revoke")).map(ToOwned::to_owned).collect()
}

/// A platform with a partner and a rogue admin.
struct Cast {
    company: CompanyId,
    partner: PlatformClient,
    rogue: PlatformClient,
    rogue_id: crow::domain::ids::OperatorId,
}

async fn cast(serving: &Serving) -> Cast {
    let (company, partner) = serving.company().await;
    let new = NewOperator { name: "rogue".to_owned(), role: OperatorRole::Admin };
    let created = serving.operator().change(&changes::CREATE_OPERATOR, &new).await.expect("an operator");
    let token = Secret::new(created.token.into_secret().reveal().to_owned());
    let rogue = PlatformClient::new(&serving.address, ClientCredential::Operator(token)).expect("a client");
    Cast { company: company.id, partner, rogue, rogue_id: created.row.id }
}

#[tokio::test]
async fn l2_a_platform_on_a_full_disk_reports_it_revokes_permanently_restarts_and_recovers() {
    let disk = SmallDisk::new(48);
    let dir = disk.seen().join("data");
    let serving = disk.serve().expect("it starts");
    let Cast { company, partner, rogue, rogue_id } = cast(&serving).await;
    let operator = serving.operator();
    assert_eq!(readyz(&operator).await.0, 200);
    disk.fill();
    // Nothing is due, and there is nothing to send: the first refused write is enough to know.
    until("a write is refused", async || answer(operator.change(&changes::EMIT_EVENT, &lead(company)).await).0 != 200)
        .await;
    assert_eq!(
        answer(operator.change(&changes::EMIT_EVENT, &lead(company)).await),
        (507, Some(ProblemCode::StorageFull))
    );
    let (status, code, why) = readyz(&operator).await;
    assert_eq!((status, code), (503, Some(ProblemCode::StorageFull)));
    assert_eq!(why, "the disk is full; writes are rejected, reads keep working");
    for (command, code) in
        [(&["check"][..], 2), (&["check", "database"], 2), (&["check", "platform"], 2), (&["doctor"], 1)]
    {
        let (ended, said) = asked(command, &serving, &dir);
        assert!(ended == code && said.contains("the disk is full"), "{command:?} {ended}: {said}");
    }
    // Who must not get in any more does not, and that is on disk.
    assert_eq!(answer(partner.events(None, 1).await).0, 200);
    assert_eq!(
        operator.change(changes::REVOKE_KEY.at(KeyId(1)), &NoBody {}).await.expect("revoked").write_pending,
        None
    );
    assert_eq!(
        operator.change(changes::REVOKE_OPERATOR.at(rogue_id), &NoBody {}).await.expect("revoked").write_pending,
        None
    );
    are_out(&partner, &rogue).await;
    let logged = serving.logged();
    assert!(logged.contains("the disk is full") && !logged.contains("savepoint"), "{logged}");
    let address = serving.address.trim_start_matches("http://").to_owned();
    serving.kill();
    disk.fill();
    // Reads go on, writes do not, and who was revoked stays out.
    let serving = disk.serve_at(&address).expect("it starts on a full disk");
    are_out(&partner, &rogue).await;
    let operator = serving.operator();
    assert_eq!(revocations(&operator).await, ["revoke operator", "revoke key"]);
    assert_eq!(
        answer(operator.change(&changes::EMIT_EVENT, &lead(company)).await),
        (507, Some(ProblemCode::StorageFull))
    );
    assert_eq!(readyz(&operator).await.0, 503);
    assert_eq!(asked(&["check", "database"], &serving, &dir).0, 2);
    disk.clear();
    until("it is ready", async || readyz(&operator).await.0 == 200).await;
    assert_eq!(answer(operator.change(&changes::EMIT_EVENT, &lead(company)).await).0, 200);
    assert_eq!(asked(&["check", "database"], &serving, &dir).0, 0);
    are_out(&partner, &rogue).await;
    serving.stop();
    done(&mut disk.enter(&crow(&["db", "verify"], &disk.inside().join("data"))));
}

#[tokio::test]
async fn l2_a_platform_starts_on_a_full_disk_after_any_kind_of_end() {
    let disk = SmallDisk::new(48);
    disk.serve().expect("it is founded").stop();
    for is_killed in [false, true, false] {
        disk.fill();
        let serving = disk.serve().unwrap_or_else(|why| panic!("killed next: {is_killed}; {why}"));
        let operator = serving.operator();
        assert_eq!(readyz(&operator).await.0, 503);
        assert!(operator.companies().await.expect("reads go on").items.is_empty());
        disk.fill();
        if is_killed {
            serving.kill();
        } else {
            serving.stop();
        }
    }
    disk.clear();
    let serving = disk.serve().expect("it starts");
    let operator = serving.operator();
    until("it is ready", async || readyz(&operator).await.0 == 200).await;
}

#[tokio::test]
async fn l2_a_first_start_on_a_full_disk_advises_space_and_no_other_directory() {
    let disk = SmallDisk::new(4);
    disk.fill();
    let why = disk.serve().err().expect("there is no room for a platform");
    assert!(why.starts_with("exit code 2") && why.contains("free space") && !why.contains("--data"), "{why}");
}

#[tokio::test]
async fn l2_a_revocation_beyond_the_reserve_is_in_force_reported_and_written_later() {
    let Scene { shim, serving, partner, home, .. } = Scene::start(0).await;
    let Cast { rogue, rogue_id, .. } = cast(&serving).await;
    let operator = serving.operator();
    shim.fail("ENOSPC");
    for (n, pending) in [
        operator.change(changes::REVOKE_KEY.at(KeyId(1)), &NoBody {}).await.expect("in force").write_pending,
        operator.change(changes::REVOKE_OPERATOR.at(rogue_id), &NoBody {}).await.expect("in force").write_pending,
        operator.change(changes::REVOKE_KEY.at(KeyId(1)), &NoBody {}).await.expect("in force").write_pending,
    ]
    .into_iter()
    .enumerate()
    {
        let said = pending.unwrap_or_else(|| panic!("{n} is not on disk")).sanitized();
        assert!(said.contains("in effect") && said.contains("the disk is full") && said.contains("retries"), "{said}");
    }
    are_out(&partner, &rogue).await;
    assert!(revocations(&operator).await.is_empty());
    shim.mend();
    until("both are written", async || revocations(&operator).await.len() == 2).await;
    let address = serving.address.trim_start_matches("http://").to_owned();
    serving.kill();
    let serving = Serving::at(&home.path().join("data"), &address);
    are_out(&partner, &rogue).await;
    assert_eq!(revocations(&serving.operator()).await, ["revoke operator", "revoke key"], "each once");
}

#[test]
fn l2_a_lack_of_descriptors_is_not_reported_as_a_full_disk() {
    let home = TempDir::new().expect("a directory");
    let dir = home.path().join("data");
    Serving::start(&dir).stop();
    let mut n_named = 0;
    for n in 8..24 {
        if let Err(why) = Serving::attempt_with_files(&dir, n) {
            let is_named =
                ["file descriptors", "Too many open files", "open files"].iter().any(|text| why.contains(text));
            assert!(!why.contains("full") && !why.contains("free space") && is_named, "{n}: {why}");
            n_named += usize::from(why.contains("ulimit -n"));
        }
    }
    assert!(n_named > 3, "the way out is named: {n_named}");
}
