//! A network namespace for one test: a host with IPv4 and a default route, and without IPv6.

use std::process::Command;

/// Argument that tells a test that it runs in its namespace. For the test harness it is one more filter that matches no
/// test.
const MARK: &str = "in-a-namespace-without-ipv6";
const SET_UP: &str = r#"ip link set lo up && ip route add default dev lo && echo 1 > /proc/sys/net/ipv6/conf/all/disable_ipv6 &&
    exec "$0" "$@""#;

/// Checks whether the calling test runs in its namespace; otherwise runs the test there by its name and asserts that it
/// passes.
#[track_caller]
pub(crate) fn is_entered(test: &str) -> bool {
    if std::env::args().any(|argument| argument == MARK) {
        return true;
    }
    let mut command = Command::new("unshare");
    command.args(["--net", "--map-root-user", "--", "sh", "-c", SET_UP]);
    command.arg(std::env::current_exe().expect("this program")).args(["--exact", test, MARK]);
    let output = command.output().expect("unshare is there");
    let said = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    assert!(output.status.success() && said.contains("1 passed"), "in a namespace of its own: {said}");
    false
}
