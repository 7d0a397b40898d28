//! The process begins anew in place: the same binary, the same arguments, the same process id. So whoever watches the process
//! (systemd, a shell) sees it go on. Files, sockets and locks are close-on-exec.

use crate::i18n::Text;
use std::ffi::OsString;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use zaiseki_control::bootstrap::Restarter;

/// For the answer to reach whoever asked for the restart, and for the page that a browser is sent to after it.
const ANSWER_TIME: Duration = Duration::from_secs(1);

/// What this process was started as.
#[derive(Clone, Debug)]
pub struct Image {
    binary: PathBuf,
    arguments: Vec<OsString>,
}

impl Image {
    /// At the beginning of the process: later the binary may have been replaced, and its path is what counts.
    pub fn of_this_process() -> io::Result<Image> {
        Ok(Image { binary: std::env::current_exe()?, arguments: std::env::args_os().collect() })
    }

    /// Whether there is a program at the path.
    fn check(&self) -> Result<(), Text> {
        let name = self.binary.display();
        let bad = |why: String| Text::new(format!("the program {name}: {why}"), format!("プログラム {name}: {why}"));
        let about = std::fs::metadata(&self.binary).map_err(|error| bad(error.to_string()))?;
        if about.is_file() && about.permissions().mode() & 0o111 != 0 { Ok(()) } else { Err(bad("not a program".to_owned())) }
    }

    /// Returns only when it failed.
    pub fn exec(&self) -> io::Error {
        let mut arguments = self.arguments.iter();
        let mut command = Command::new(&self.binary);
        if let Some(name) = arguments.next() {
            command.arg0(name);
        }
        command.args(arguments).exec()
    }
}

/// Tells the main loop to end, and to begin anew.
pub struct Again {
    pub image: Image,
    pub word: CancellationToken,
    pub runtime: tokio::runtime::Handle,
}

impl Restarter for Again {
    fn ready(&self) -> Result<(), Text> {
        self.image.check()
    }

    fn restart(&self) {
        let word = self.word.clone();
        self.runtime.spawn(async move {
            tokio::time::sleep(ANSWER_TIME).await;
            word.cancel();
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_program_can_be_begun_anew() {
        let image = Image::of_this_process().unwrap();
        image.check().unwrap();
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("zaiseki");
        for binary in [file.clone(), dir.path().to_owned()] {
            assert!(Image { binary, ..image.clone() }.check().is_err());
        }
        std::fs::write(&file, "").unwrap();
        assert!(Image { binary: file, ..image }.check().unwrap_err().en.ends_with("not a program"));
    }
}
