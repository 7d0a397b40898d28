//! One process at a time works in a data folder.

use crate::i18n::Text;
use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// The name of the locked file in the data folder.
pub const LOCK_FILE: &str = "lock";
/// For another process to let go of the folder.
const PATIENCE: Duration = Duration::from_secs(3);
const LOOK_AGAIN: Duration = Duration::from_millis(50);

#[derive(Debug, thiserror::Error)]
pub enum LockError {
    #[error("the data folder {} cannot be used", path.display())]
    Folder { path: PathBuf, source: io::Error },
    #[error("the data folder {} is in use by another process{}", path.display(), Pid(*pid))]
    Held { path: PathBuf, pid: Option<u32> },
}

impl LockError {
    /// For the administrator; the cause stands in the chain.
    pub fn text(&self) -> Text {
        let ja = match self {
            LockError::Folder { path, .. } => format!("データフォルダー {} を使えません", path.display()),
            LockError::Held { path, pid } => {
                format!("データフォルダー {} は別のプロセスが使用中です{}", path.display(), Pid(*pid))
            }
        };
        Text::new(self.to_string(), ja)
    }
}

struct Pid(Option<u32>);

impl std::fmt::Display for Pid {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.map_or(Ok(()), |pid| write!(f, " (pid {pid})"))
    }
}

/// The data folder, ours alone until this value is dropped. The kernel lets go of the lock when the process ends, however it ends.
#[derive(Debug)]
pub struct DataDirLock {
    _file: File,
}

impl DataDirLock {
    /// Makes the folder (mode 0700) when missing and locks it.
    pub fn acquire(data_dir: &Path) -> Result<DataDirLock, LockError> {
        let failed = |source| LockError::Folder { path: data_dir.to_owned(), source };
        DirBuilder::new().recursive(true).mode(0o700).create(data_dir).map_err(failed)?;
        let path = data_dir.join(LOCK_FILE);
        let open = OpenOptions::new().create(true).truncate(false).read(true).write(true).mode(0o600).open(path);
        let mut file = open.map_err(failed)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(LockError::Held { path: data_dir.to_owned(), pid: read_pid(&mut file) });
            }
            Err(TryLockError::Error(source)) => return Err(failed(source)),
        }
        // For people who look who it is; the lock itself does not need it.
        write_pid(&mut file).map_err(failed)?;
        Ok(DataDirLock { _file: file })
    }
}

impl DataDirLock {
    /// Waits a while for another process: a command that works without a node lets go of the folder soon, and a node that
    /// restarts does not give up for it.
    pub async fn acquire_soon(data_dir: &Path) -> Result<DataDirLock, LockError> {
        let began = Instant::now();
        loop {
            match DataDirLock::acquire(data_dir) {
                Err(LockError::Held { .. }) if began.elapsed() < PATIENCE => tokio::time::sleep(LOOK_AGAIN).await,
                done => return done,
            }
        }
    }
}

fn read_pid(file: &mut File) -> Option<u32> {
    let mut text = String::new();
    file.take(32).read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}

fn write_pid(file: &mut File) -> io::Result<()> {
    file.set_len(0)?;
    file.rewind()?;
    writeln!(file, "{}", std::process::id())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_second_holder_is_told_who_the_first_is() {
        let dir = tempfile::tempdir().unwrap();
        let data = dir.path().join("a/b");
        let lock = DataDirLock::acquire(&data).unwrap();
        assert_eq!(std::fs::metadata(&data).unwrap().permissions().mode() & 0o777, 0o700);
        let held = DataDirLock::acquire(&data).unwrap_err();
        assert!(matches!(held, LockError::Held { pid: Some(pid), .. } if pid == std::process::id()), "{held}");
        drop(lock);
        DataDirLock::acquire(&data).unwrap();
    }

    #[test]
    fn a_file_in_the_way_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let data = dir.path().join("file");
        std::fs::write(&data, "x").unwrap();
        let error = DataDirLock::acquire(&data).unwrap_err();
        let Text { en, ja } = error.text();
        assert!(en.contains(data.to_str().unwrap()) && ja.contains(data.to_str().unwrap()), "{en} {ja}");
        // The cause is said once, by whoever writes the chain.
        assert_eq!(format!("{:#}", anyhow::Error::new(error)).matches("exists").count(), 1);
    }
}
