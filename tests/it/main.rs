//! Tests of the whole: platform, client and console together, over real sockets, by a scripted clock.

mod acts;
mod api;
mod bounds;
mod cli;
mod console;
mod delivery;
mod diagnosis;
mod endpoints;
mod first_start;
mod guide;
mod handed;
mod hostile;
mod leaks;
mod lifecycle;
mod listen;
#[path = "../fuzz/mutation.rs"]
mod mutation;
mod operations;
mod outage;
mod overload;
mod panes;
mod passing;
mod portal;
mod profiles;
mod pty;
mod remote;
mod sharing;
mod storage;
mod support;
mod tickets;
mod tmux;
mod truth;
mod unreadable;
mod watch;
