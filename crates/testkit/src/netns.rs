//! Two network namespaces joined by a cable that a test can cut: the way to lose a peer without a word, which no server or
//! client on loopback can do.

use crate::process::run;
use anyhow::{Context, Result};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use std::fs::File;
use std::net::Ipv4Addr;
use std::os::fd::AsFd;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

/// The near end's address, of the network for documentation (RFC 5737): no route of this machine leads there.
pub const NEAR: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);
/// The far end's address.
pub const FAR: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 2);

static NEXT: AtomicU32 = AtomicU32::new(0);

/// Both ends. Sockets belong to the namespace of the thread that opened them, processes to that of the one that started
/// them; the namespaces go when this is dropped and the last of those has ended.
#[derive(Debug)]
pub struct Cable {
    near: String,
    far: String,
}

fn ip(arguments: &[&str]) -> Result<String> {
    run(Command::new("ip").args(arguments))
}

impl Cable {
    /// Needs `ip` (iproute2) and the right to make namespaces.
    ///
    /// # Errors
    /// What is missing; a test that gets it is skipped and says so.
    pub fn lay() -> Result<Cable> {
        let name = format!("zaiseki{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let cable = Cable { near: format!("{name}-near"), far: format!("{name}-far") };
        ip(&["netns", "add", &cable.near])?;
        ip(&["netns", "add", &cable.far])?;
        ip(&["link", "add", "near", "netns", &cable.near, "type", "veth", "peer", "name", "far", "netns", &cable.far])?;
        for (space, link, address) in [(&cable.near, "near", NEAR), (&cable.far, "far", FAR)] {
            ip(&["-n", space, "address", "add", &format!("{address}/30"), "dev", link])?;
            ip(&["-n", space, "link", "set", link, "up"])?;
            ip(&["-n", space, "link", "set", "lo", "up"])?;
        }
        Ok(cable)
    }

    /// Runs this at the near end.
    pub fn near<R: Send>(&self, call: impl FnOnce() -> R + Send) -> Result<R> {
        inside(&self.near, call)
    }

    /// Runs this at the far end.
    pub fn far<R: Send>(&self, call: impl FnOnce() -> R + Send) -> Result<R> {
        inside(&self.far, call)
    }

    /// From now on nothing passes, and neither end is told.
    pub fn cut(&self) -> Result<()> {
        ip(&["-n", &self.far, "link", "set", "far", "down"]).map(drop)
    }

    /// As before the cut.
    pub fn mend(&self) -> Result<()> {
        ip(&["-n", &self.far, "link", "set", "far", "up"]).map(drop)
    }
}

impl Drop for Cable {
    fn drop(&mut self) {
        for space in [&self.near, &self.far] {
            // One that was never made cannot be removed either.
            let _unmade = ip(&["netns", "delete", space]);
        }
    }
}

/// Runs this on a thread of its own, since a namespace is a matter of threads.
fn inside<R: Send>(space: &str, call: impl FnOnce() -> R + Send) -> Result<R> {
    let file = File::open(format!("/run/netns/{space}")).with_context(|| format!("the namespace {space}"))?;
    let there = move || -> Result<R> {
        move_into_link_name_space(file.as_fd(), Some(LinkNameSpaceType::Network))?;
        Ok(call())
    };
    std::thread::scope(|scope| match scope.spawn(there).join() {
        Ok(result) => result,
        Err(panic) => std::panic::resume_unwind(panic),
    })
}
