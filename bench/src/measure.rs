//! What a server costs: processor time and memory of its process tree, and how disturbed the machine was meanwhile.

use anyhow::{Context, Result, bail};
use rustix::time::{ClockId, clock_gettime};
use std::collections::HashMap;
use std::fs;
use std::hint::black_box;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// Seconds of processor time (user + system) used so far by `root` and all its descendants, exited ones that were
/// waited for included.
///
/// # Errors
/// The process is gone.
pub fn cpu_seconds(root: u32) -> Result<f64> {
    let ticks: u64 = tree(root)?.iter().map(|p| p.ticks).sum();
    Ok(ticks as f64 / rustix::param::clock_ticks_per_second() as f64)
}

/// Resident memory of `root` and all its descendants, in KiB. Pages that several of them share count for each.
///
/// # Errors
/// The process is gone.
pub fn resident_kib(root: u32) -> Result<u64> {
    let mut sum = 0;
    for process in tree(root)? {
        // A child may end between the two looks; then it holds nothing.
        let Ok(status) = fs::read_to_string(format!("/proc/{}/status", process.pid)) else { continue };
        let line = status.lines().find_map(|l| l.strip_prefix("VmRSS:"));
        sum += line.and_then(|l| l.trim().trim_end_matches(" kB").parse::<u64>().ok()).unwrap_or(0);
    }
    Ok(sum)
}

/// The most memory that process `pid` ever had resident, in KiB.
///
/// # Errors
/// The process is gone.
pub fn peak_resident_kib(pid: u32) -> Result<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok()).context("no VmHWM")
}

#[derive(Clone)]
struct Process {
    pid: u32,
    parent: u32,
    ticks: u64,
}

fn tree(root: u32) -> Result<Vec<Process>> {
    let mut children: HashMap<u32, Vec<Process>> = HashMap::new();
    let mut todo = Vec::new();
    for entry in fs::read_dir("/proc")? {
        let name = entry?.file_name();
        let Some(pid) = name.to_str().and_then(|n| n.parse::<u32>().ok()) else { continue };
        let Some(process) = fs::read_to_string(format!("/proc/{pid}/stat")).ok().and_then(|s| parse_stat(pid, &s)) else {
            continue;
        };
        if pid == root {
            todo.push(process);
        } else {
            children.entry(process.parent).or_default().push(process);
        }
    }
    if todo.is_empty() {
        bail!("the server (process {root}) is gone");
    }
    let mut found = Vec::new();
    while let Some(process) = todo.pop() {
        todo.extend(children.remove(&process.pid).unwrap_or_default());
        found.push(process);
    }
    Ok(found)
}

/// `/proc/PID/stat`: the name in parentheses may hold anything, so fields count from the last `)`.
fn parse_stat(pid: u32, stat: &str) -> Option<Process> {
    let fields: Vec<&str> = stat[stat.rfind(')')? + 1..].split_whitespace().collect();
    let number = |i: usize| fields.get(i).and_then(|f| f.parse::<u64>().ok());
    let parent = u32::try_from(number(1)?).ok()?;
    // utime, stime, cutime, cstime are fields 14 to 17 of the whole line.
    Some(Process { pid, parent, ticks: number(11)? + number(12)? + number(13)? + number(14)? })
}

/// A thread that runs a fixed piece of work every 20 ms and notes the processor time it took. A virtual machine's
/// stolen time and a busy sibling thread of the core are charged to whoever runs, so this work gets slower by about the
/// same factor as the server's.
pub struct Calibrator {
    samples: Arc<Mutex<Vec<f64>>>,
    stop: Arc<AtomicBool>,
}

impl Calibrator {
    /// Starts the thread; takes two seconds to learn how fast the work is when nothing disturbs it.
    pub fn start() -> Calibrator {
        let text = fixed_text();
        let begin = Instant::now();
        let mut times = Vec::new();
        while begin.elapsed() < Duration::from_secs(2) {
            times.push(timed_work(&text));
        }
        let (samples, stop) = (Arc::new(Mutex::new(times)), Arc::new(AtomicBool::new(false)));
        let (theirs, stopped) = (samples.clone(), stop.clone());
        std::thread::spawn(move || {
            while !stopped.load(Ordering::Relaxed) {
                std::thread::sleep(Duration::from_millis(20));
                // The first piece brings caches and branch prediction back, the second counts.
                timed_work(&text);
                let sample = timed_work(&text);
                if let Ok(mut list) = theirs.lock() {
                    list.push(sample);
                }
            }
        });
        Calibrator { samples, stop }
    }

    fn mark(&self) -> usize {
        self.samples.lock().map(|s| s.len()).unwrap_or(0)
    }

    /// How many times slower than undisturbed the work ran since `mark`; at least 1. Undisturbed is the fastest of a
    /// hundred of everything seen so far, so that a busy moment at the start does not spoil the rest.
    fn slowdown_since(&self, mark: usize) -> f64 {
        let Ok(samples) = self.samples.lock() else { return 1.0 };
        let window = &samples[mark.min(samples.len())..];
        if window.is_empty() {
            return 1.0;
        }
        let mean = window.iter().sum::<f64>() / window.len() as f64;
        (mean / percentile(&mut samples.clone(), 1.0)).max(1.0)
    }
}

impl Drop for Calibrator {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

/// 64 KiB of stanzas that differ a little.
fn fixed_text() -> Vec<u8> {
    let stanza = |i: u32| format!("<message to='u{i:05}@bench.example' id='{}'><body>{}</body></message>", i * 7, i * i);
    (0..900).flat_map(|i| stanza(i).into_bytes()).take(64 * 1024).collect()
}

/// Work of the kind servers do: look at text byte by byte, branch on it, hash it, count in a table. Some 0.3 ms.
fn timed_work(text: &[u8]) -> f64 {
    let begin = thread_seconds();
    let (mut counts, mut hash, mut tags) = ([0_u32; 256], 0xcbf2_9ce4_8422_2325_u64, 0_u64);
    for &byte in black_box(text) {
        counts[usize::from(byte)] += 1;
        if byte == b'<' {
            tags = tags.rotate_left(5) ^ hash;
            hash = 0xcbf2_9ce4_8422_2325;
        }
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    }
    black_box((counts, hash, tags));
    thread_seconds() - begin
}

fn thread_seconds() -> f64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 * 1e-9
}

/// What a server used between [`Meter::start`] and [`Meter::stop`].
#[derive(Clone, Copy, Debug)]
pub struct Usage {
    /// Processor seconds as the kernel charged them.
    pub cpu: f64,
    /// How much slower than undisturbed the machine was.
    pub slowdown: f64,
    pub wall: f64,
}

pub struct Meter<'a> {
    pid: u32,
    calibrator: &'a Calibrator,
    cpu: f64,
    mark: usize,
    begin: Instant,
}

impl<'a> Meter<'a> {
    pub fn start(pid: u32, calibrator: &'a Calibrator) -> Result<Meter<'a>> {
        let (mark, begin) = (calibrator.mark(), Instant::now());
        Ok(Meter { pid, calibrator, cpu: cpu_seconds(pid)?, mark, begin })
    }

    pub fn stop(self) -> Result<Usage> {
        Ok(Usage {
            cpu: cpu_seconds(self.pid)? - self.cpu,
            slowdown: self.calibrator.slowdown_since(self.mark),
            wall: self.begin.elapsed().as_secs_f64(),
        })
    }
}

/// Waits until the server uses less than 2 % of a core, at most `longest`. Returns how long that took.
///
/// # Errors
/// The process is gone.
pub async fn settle(pid: u32, longest: Duration) -> Result<Duration> {
    const LOOK: Duration = Duration::from_millis(1000);
    let begin = Instant::now();
    let mut before = cpu_seconds(pid)?;
    while begin.elapsed() < longest {
        tokio::time::sleep(LOOK).await;
        let now = cpu_seconds(pid)?;
        if now - before <= 0.02 * LOOK.as_secs_f64() {
            return Ok(begin.elapsed().saturating_sub(LOOK));
        }
        before = now;
    }
    Ok(begin.elapsed())
}

/// Value below which `percent` of the values lie (nearest rank); sorts them. 0 for no values.
pub fn percentile(values: &mut [f64], percent: f64) -> f64 {
    if values.is_empty() {
        return 0.0;
    }
    values.sort_by(f64::total_cmp);
    let rank = (percent / 100.0 * values.len() as f64).ceil() as usize;
    values[rank.clamp(1, values.len()) - 1]
}

/// Raises the number of files this process and its children may open as far as the system lets it.
///
/// # Errors
/// Fewer than `needed` are to be had.
pub fn raise_open_files(needed: u64) -> Result<()> {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let had = getrlimit(Resource::Nofile);
    let wanted = needed.max(had.maximum.unwrap_or(u64::MAX).min(1 << 20));
    let raised = setrlimit(Resource::Nofile, Rlimit { current: Some(wanted), maximum: Some(wanted) });
    if raised.is_err() {
        // Not root: as far as the hard limit goes.
        setrlimit(Resource::Nofile, Rlimit { current: had.maximum, maximum: had.maximum }).context("cannot raise open files")?;
    }
    let has = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    if has < needed {
        bail!("{needed} open files are needed, the system allows {has} (ulimit -Hn)");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_by_nearest_rank() {
        let mut values: Vec<f64> = (1..=100).rev().map(f64::from).collect();
        assert_eq!(percentile(&mut values, 50.0), 50.0);
        assert_eq!(percentile(&mut values, 99.0), 99.0);
        assert_eq!(percentile(&mut values, 100.0), 100.0);
        assert_eq!(percentile(&mut values, 0.0), 1.0);
        assert_eq!(percentile(&mut [7.0], 99.0), 7.0);
        assert_eq!(percentile(&mut [], 50.0), 0.0);
    }

    #[test]
    fn stat_with_an_odd_name() {
        let line = "42 (a b) c) S 7 42 42 0 -1 0 0 0 0 0 10 20 3 4 20 0 1 0 99 0 0";
        let process = parse_stat(42, line).unwrap();
        assert_eq!((process.pid, process.parent, process.ticks), (42, 7, 37));
    }

    #[test]
    fn own_processor_time_grows_and_memory_is_there() {
        let me = std::process::id();
        let before = cpu_seconds(me).unwrap();
        let begin = Instant::now();
        while cpu_seconds(me).unwrap() < before + 0.02 {
            assert!(begin.elapsed() < Duration::from_secs(30));
            timed_work(&fixed_text());
        }
        let resident = resident_kib(me).unwrap();
        assert!(resident > 500 && peak_resident_kib(me).unwrap() >= resident / 2);
    }

    #[test]
    fn slowdown_compares_a_window_with_the_fastest_seen() {
        let calibrator = Calibrator { samples: Arc::new(Mutex::new(vec![2.0; 10])), stop: Arc::new(AtomicBool::new(false)) };
        let mark = calibrator.mark();
        assert_eq!(calibrator.slowdown_since(mark), 1.0);
        calibrator.samples.lock().unwrap().extend([3.0, 5.0]);
        assert_eq!(calibrator.slowdown_since(mark), 2.0);
        calibrator.samples.lock().unwrap().push(1.0);
        assert_eq!(calibrator.slowdown_since(mark), 3.0);
    }
}
