//! One load program for any XMPP server: starts Prosody, ejabberd and Zaiseki on loopback, puts the same work on each
//! and prints what it cost them. See `docs/performance.md`.

mod admin;
mod client;
mod load;
mod measure;
mod people;
mod report;
mod rows;
mod scram;
mod servers;
mod xml;

use anyhow::{Context, Result};
use clap::{Args, Parser, Subcommand};
use load::Bench;
use measure::Calibrator;
use people::Population;
use report::Outcome;
use rows::Row;
use scram::Hash;
use servers::{Kind, Running, Site, Store};
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

#[derive(Parser)]
#[command(about = "Measures what XMPP servers cost per unit of work")]
struct Cli {
    #[command(subcommand)]
    command: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Run rows on the servers and print them side by side.
    Compare(Options),
    /// Measure what an administrator of 75,000 users waits for: synchronisation, bulk changes, console.
    Admin(admin::Options),
    /// List the rows.
    Rows,
    /// Print the tables again from files of results; later lines count.
    Table { files: Vec<PathBuf> },
}

#[derive(Args, Clone)]
pub struct Options {
    /// Rows to run, or beginnings of their names (`chat`); all when absent.
    #[arg(long, value_delimiter = ',')]
    rows: Vec<String>,
    #[arg(long, value_enum, value_delimiter = ',', default_value = "prosody,ejabberd,zaiseki")]
    servers: Vec<Kind>,
    /// Runs per row; the table shows medians.
    #[arg(long, default_value_t = 3)]
    runs: usize,
    /// Seconds of sending in rows that go by time.
    #[arg(long, default_value_t = 8)]
    seconds: u64,
    /// Share of the full number of users in rows with more than 500.
    #[arg(long, default_value_t = 1.0)]
    scale: f64,
    /// So many users in every row, whatever the row says (to try things out: figures are not comparable).
    #[arg(long)]
    users: Option<usize>,
    /// One run, 3 seconds, scale 0.2.
    #[arg(long)]
    quick: bool,
    #[arg(long, value_enum, default_value = "SCRAM-SHA-1")]
    mechanism: Hash,
    /// Our own binary; by default the one next to this program.
    #[arg(long)]
    zaiseki: Option<PathBuf>,
    /// Make rosters over the wire on every server, as is done on Zaiseki, instead of writing files.
    #[arg(long)]
    wire_rosters: bool,
    /// Folder for the servers' data while they run; put it on a real disk.
    #[arg(long, default_value_os_t = std::env::temp_dir().join("zaiseki-bench"))]
    dir: PathBuf,
    /// File to which results are appended as JSON lines.
    #[arg(long, default_value = "target/bench/results.jsonl")]
    out: PathBuf,
}

impl Options {
    fn population(&self, row: &Row) -> Population {
        let usual = row.population(self.scale);
        Population { users: self.users.map_or(usual.users, |n| n.max(usual.contacts + 2)), ..usual }
    }

    fn zaiseki(&self) -> PathBuf {
        let beside = || std::env::current_exe().unwrap_or_default().with_file_name("zaiseki");
        self.zaiseki.clone().unwrap_or_else(beside)
    }

    fn settled(mut self) -> Options {
        if self.quick {
            (self.runs, self.seconds, self.scale) = (1, 3, self.scale * 0.2);
        }
        self
    }
}

fn main() -> Result<()> {
    match Cli::parse().command {
        Task::Compare(options) => {
            let options = options.settled();
            unless_stopped(compare(&options))
        }
        Task::Admin(options) => unless_stopped(admin::run(&options)),
        Task::Rows => {
            rows::ROWS.iter().for_each(|r| println!("{:18} {} ({})", r.key, r.title, r.unit.name()));
            Ok(())
        }
        Task::Table { files } => {
            let outcomes = files.iter().map(|f| report::read(f)).collect::<Result<Vec<_>>>()?.concat();
            print!("{}", report::tables(&outcomes));
            Ok(())
        }
    }
}

fn unless_stopped(work: impl Future<Output = Result<()>>) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(async {
        tokio::select! {
            done = work => done,
            stop = asked_to_stop() => { stop?; anyhow::bail!("stopped") }
        }
    })
}

/// Waits for SIGINT or SIGTERM. Dropping the comparison then ends the servers and removes their folders.
async fn asked_to_stop() -> Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        interrupted = tokio::signal::ctrl_c() => Ok(interrupted?),
        _ = terminate.recv() => Ok(()),
    }
}

async fn compare(options: &Options) -> Result<()> {
    let rows = rows::choose(&options.rows)?;
    // A socket per user and some for the rest.
    let most = rows.iter().map(|r| options.population(r).users).max().unwrap_or(0);
    measure::raise_open_files(most as u64 + 500)?;
    let mut servers = Vec::new();
    for &kind in &options.servers {
        match kind.ensure_installed(&options.zaiseki()) {
            Ok(()) => servers.push(kind),
            Err(error) => eprintln!("without {}: {error:#}", kind.name()),
        }
    }
    let calibrator = Calibrator::start();
    let mut outcomes = Vec::new();
    for row in &rows {
        for &kind in &servers {
            let stores: Vec<Option<Store>> =
                if row.archive { kind.stores().iter().copied().map(Some).collect() } else { vec![None] };
            for archive in stores {
                let outcome = measure_row(row, kind, archive, options, &calibrator).await;
                report::append(&options.out, &outcome)?;
                outcomes.push(outcome);
            }
        }
    }
    print!("{}", report::tables(&outcomes));
    let failed = outcomes.iter().filter(|o| o.error.is_some()).count();
    anyhow::ensure!(failed == 0, "{failed} measurements failed, see {}", options.out.display());
    Ok(())
}

async fn measure_row(row: &Row, kind: Kind, archive: Option<Store>, options: &Options, calibrator: &Calibrator) -> Outcome {
    let mut runs = Vec::new();
    let population = options.population(row);
    let work = async {
        let site = Site::prepare(kind, population, archive, options)?;
        let done = runs_on(&site, row, options, calibrator, &mut runs).await;
        done.with_context(|| site.log_tail())
    };
    let error = work.await.err().map(|e| format!("{e:#}"));
    if let Some(error) = &error {
        eprintln!("{} on {}: {error}", row.key, kind.name());
    }
    Outcome {
        row: row.key.to_owned(),
        server: kind,
        version: kind.version(&options.zaiseki()),
        archive,
        users: population.users,
        contacts: population.contacts,
        finished: SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |d| d.as_secs()),
        runs,
        error,
    }
}

async fn runs_on(
    site: &Site,
    row: &Row,
    options: &Options,
    calibrator: &Calibrator,
    runs: &mut Vec<load::Figures>,
) -> Result<()> {
    let mut kept: Option<Running> = None;
    for i in 0..options.runs {
        let again = kept.is_some() && !row.fresh_server();
        if !again {
            // The old one must be gone before its ports are used again.
            drop(kept.take());
            kept = Some(site.start().await?);
        }
        let Some(server) = &kept else { continue };
        let bench = Bench {
            target: server.target.clone(),
            accounts: server.accounts.clone(),
            contacts: site.population.contacts,
            pid: server.pid,
            calibrator,
            span: Duration::from_secs(options.seconds),
        };
        if !again {
            row.prepare(&bench).await?;
            measure::settle(server.pid, Duration::from_secs(30)).await?;
        }
        let figures = row.run(&bench).await?;
        let figure = row.unit.scale(figures.corrected);
        eprintln!(
            "{} on {}, run {}: {figure:.4} {} (slowdown {:.2}), {:.0}/s",
            row.key,
            site.kind.name(),
            i + 1,
            row.unit.name(),
            figures.slowdown,
            figures.per_second
        );
        runs.push(figures);
    }
    Ok(())
}
