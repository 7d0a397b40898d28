//! `zaiseki serve`: a node from its start to its end.

use crate::again::{Again, Image};
use crate::bootstrap;
use crate::config::Config;
use crate::log::Log;
use crate::serve::start;
use crate::systemd;
use anyhow::Result;
use std::path::Path;
use tokio_util::sync::CancellationToken;
use zaiseki_control::app::log_level::Level;

/// Why a node has ended.
pub enum End {
    Stop,
    /// An administrator wants the process to begin anew.
    Restart,
}

/// Runs until SIGTERM or SIGINT, or until an administrator restarts it; SIGHUP reads the certificates again.
/// `file`: where the configuration was read.
pub fn run(config: &Config, file: Option<&Path>, log: Log, image: &Image) -> Result<End> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        use tokio::signal::unix::{SignalKind, signal};
        let (mut term, mut int, mut hup) =
            (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?, signal(SignalKind::hangup())?);
        let running = start(config).await?;
        let again = CancellationToken::new();
        running.app.log().attach(Level::parse(config.log.level.as_str()).unwrap_or(Level::Info), log.set);
        running.app.log().keep(log.recent);
        running.app.node().set_bootstrap(bootstrap::told(config, file));
        let (image, runtime) = (image.clone(), tokio::runtime::Handle::current());
        running.app.node().set_restarter(Again { image, word: again.clone(), runtime });
        tracing::info!(domain = %config.domain, node = %config.node_name, "ready");
        systemd::ready(&config.domain);
        let end = loop {
            tokio::select! {
                _ = term.recv() => break End::Stop,
                _ = int.recv() => break End::Stop,
                _ = hup.recv() => running.reload_certificate(),
                () = again.cancelled() => break End::Restart,
            }
        };
        tracing::info!("stopping");
        match end {
            End::Stop => systemd::stopping(),
            End::Restart => systemd::restarting(),
        }
        running.stop().await;
        Ok(end)
    })
}
