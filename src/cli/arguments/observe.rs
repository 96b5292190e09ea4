//! Arguments of `crow observe`.

use super::platform::ExposureArgs;
use super::target::TargetArgs;
use clap::Args;
use std::net::SocketAddr;

#[derive(Debug, Args)]
pub(in crate::cli) struct ObserveArgs {
    #[command(flatten)]
    pub(in crate::cli) remote: TargetArgs,
    /// Address and port to listen on; port 0 takes a free one
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:7702")]
    pub(in crate::cli) bind: SocketAddr,
    #[command(flatten)]
    pub(in crate::cli) exposure: ExposureArgs,
}
