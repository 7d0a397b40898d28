//! The API on a Unix socket in the data folder. Its mode (0600) lets only the account that runs the node, and root, in;
//! whoever is in is an administrator.

use crate::api::{Caller, api};
use axum::Router;
use axum::extract::Request;
use axum::extract::connect_info::{ConnectInfo, Connected};
use axum::middleware::{self, Next};
use axum::response::Response;
use axum::serve::IncomingStream;
use std::fs::{DirBuilder, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use tokio::net::UnixListener;
use zaiseki_control::App;

/// The name of the socket in the data folder.
pub const SOCKET: &str = "admin.sock";

#[derive(Debug, thiserror::Error)]
#[error("the administration socket {} cannot be made: {source}", path.display())]
pub struct SocketError {
    path: PathBuf,
    source: io::Error,
}

/// A socket that listens already.
pub struct AdminSocket {
    listener: UnixListener,
    path: PathBuf,
}

impl AdminSocket {
    /// Takes the place of a socket that a dead process left. At no moment others can connect: the socket gets its mode in
    /// a folder of its own before it moves to where it is found. Must be called within a tokio runtime, and by the holder
    /// of the data folder's lock.
    pub fn bind(data_dir: &Path) -> Result<AdminSocket, SocketError> {
        let path = data_dir.join(SOCKET);
        bind_private(data_dir, &path)
            .map(|listener| AdminSocket { listener, path: path.clone() })
            .map_err(|source| SocketError { path, source })
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Serves until `stop` ends and the requests under way are answered; then the socket goes.
    pub async fn serve(self, app: App, stop: impl Future<Output = ()> + Send + 'static) -> io::Result<()> {
        let service = router(app).into_make_service_with_connect_info::<Peer>();
        let served = axum::serve(self.listener, service).with_graceful_shutdown(stop).await;
        match std::fs::remove_file(&self.path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => tracing::warn!(%error, "the socket was not removed"),
            _ => {}
        }
        served
    }
}

fn bind_private(data_dir: &Path, path: &Path) -> io::Result<UnixListener> {
    let folder = data_dir.join(".sock");
    let made = folder.join("s");
    match DirBuilder::new().mode(0o700).create(&folder) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            std::fs::set_permissions(&folder, Permissions::from_mode(0o700))?;
            let _ = std::fs::remove_file(&made);
        }
        other => other?,
    }
    let listener = UnixListener::bind(&made)?;
    std::fs::set_permissions(&made, Permissions::from_mode(0o600))?;
    std::fs::rename(&made, path)?;
    std::fs::remove_dir(&folder)?;
    Ok(listener)
}

/// Who is at the other end, by the kernel's word.
#[derive(Clone, Debug)]
struct Peer {
    uid: Option<u32>,
}

impl Connected<IncomingStream<'_, UnixListener>> for Peer {
    fn connect_info(stream: IncomingStream<'_, UnixListener>) -> Self {
        Peer { uid: stream.io().peer_cred().ok().map(|cred| cred.uid()) }
    }
}

fn router(app: App) -> Router {
    api(app).layer(middleware::from_fn(name_caller))
}

async fn name_caller(mut request: Request, next: Next) -> Response {
    if let Some(ConnectInfo(Peer { uid: Some(uid) })) = request.extensions().get().cloned() {
        request.extensions_mut().insert(local_caller(uid));
    }
    next.run(request).await
}

/// The name of a local administrator in the audit trail.
pub fn local_caller(uid: u32) -> Caller {
    Caller::local(uid)
}

/// This process as a local administrator.
pub fn own_caller() -> Caller {
    // The kernel gives a process's folder to the account it runs as.
    local_caller(std::fs::metadata("/proc/self").map_or(u32::MAX, |metadata| metadata.uid()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_socket_is_private_and_replaces_a_dead_one() {
        let dir = tempfile::tempdir().unwrap();
        let first = AdminSocket::bind(dir.path()).unwrap();
        let mode = std::fs::metadata(first.path()).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        // As after kill -9, in the middle of being made even.
        std::fs::create_dir(dir.path().join(".sock")).unwrap();
        std::fs::write(dir.path().join(".sock/s"), "").unwrap();
        drop(first);
        let second = AdminSocket::bind(dir.path()).unwrap();
        tokio::net::UnixStream::connect(second.path()).await.unwrap();
        assert!(!dir.path().join(".sock").exists());
    }

    #[tokio::test]
    async fn a_folder_that_is_not_there_is_named() {
        let error = AdminSocket::bind(Path::new("/nowhere")).err().unwrap();
        assert!(error.to_string().contains("/nowhere/admin.sock"), "{error}");
    }
}
