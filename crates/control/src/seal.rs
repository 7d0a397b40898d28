//! Secrets at rest: sealed by AES-256-GCM with a key that stands in its own file (mode 0600) of the data folder.
//!
//! A sealed secret is one version byte, 12 bytes of random nonce, and the ciphertext with its 16 bytes of tag. The
//! context (what the secret belongs to) is authenticated, so a sealed secret moved to another place does not open.

use crate::text::Text;
use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use std::fs::OpenOptions;
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// The name of the key's file in the data folder.
pub const KEY_FILE: &str = "secret.key";
const KEY_BYTES: usize = 32;
const VERSION: u8 = 1;

#[derive(Debug, thiserror::Error)]
pub enum SealError {
    #[error("the key file {} cannot be used: {source}", path.display())]
    File { path: PathBuf, source: io::Error },
    #[error("the key file {} does not hold a key of 32 bytes: restore it from a backup", path.display())]
    BadKey { path: PathBuf },
    #[error("a secret cannot be sealed")]
    Seal,
    /// Another key, or altered data.
    #[error("the stored secret cannot be opened with this node's key: enter the secret again")]
    Open,
}

impl SealError {
    pub fn text(&self) -> Text {
        let ja = match self {
            SealError::File { path, source } => format!("鍵ファイル {} を使えません: {source}", path.display()),
            SealError::BadKey { path } => {
                format!("鍵ファイル {} は 32 バイトの鍵ではありません。バックアップから戻してください", path.display())
            }
            SealError::Seal => "秘密情報を暗号化できません".to_owned(),
            SealError::Open => "保存された秘密情報をこのノードの鍵で復号できません。もう一度入力してください".to_owned(),
        };
        Text::new(self.to_string(), ja)
    }
}

/// The node's key. It has no `Debug` that could show it.
pub struct SealKey(RandomizedNonceKey);

impl SealKey {
    /// Reads the key of that data folder, making it on first use.
    pub fn load_or_create(data_dir: &Path) -> Result<SealKey, SealError> {
        let path = data_dir.join(KEY_FILE);
        let failed = |source| SealError::File { path: path.clone(), source };
        let bytes = match read_key(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => create_key(&path).map_err(failed)?,
            other => other.map_err(failed)?,
        };
        if bytes.len() != KEY_BYTES {
            return Err(SealError::BadKey { path });
        }
        RandomizedNonceKey::new(&AES_256_GCM, &bytes).map(SealKey).map_err(|_| SealError::BadKey { path })
    }

    pub fn seal(&self, context: &str, secret: &[u8]) -> Result<Vec<u8>, SealError> {
        let mut body = secret.to_vec();
        let nonce = self.0.seal_in_place_append_tag(Aad::from(context), &mut body).map_err(|_| SealError::Seal)?;
        let mut sealed = vec![VERSION];
        sealed.extend_from_slice(nonce.as_ref());
        sealed.append(&mut body);
        Ok(sealed)
    }

    pub fn open(&self, context: &str, sealed: &[u8]) -> Result<Vec<u8>, SealError> {
        let (version, rest) = sealed.split_first().ok_or(SealError::Open)?;
        let (nonce, body) = rest.split_at_checked(NONCE_LEN).ok_or(SealError::Open)?;
        if *version != VERSION {
            return Err(SealError::Open);
        }
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| SealError::Open)?;
        let mut body = body.to_vec();
        let opened = self.0.open_in_place(nonce, Aad::from(context), &mut body).map_err(|_| SealError::Open)?;
        Ok(opened.to_vec())
    }
}

fn read_key(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    std::fs::File::open(path)?.take(KEY_BYTES as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Complete under its name or not there at all, so that a crash in the middle leaves no half key.
fn create_key(path: &Path) -> io::Result<Vec<u8>> {
    let mut key = vec![0; KEY_BYTES];
    aws_lc_rs::rand::fill(&mut key).map_err(|_| io::Error::other("no random numbers"))?;
    let unfinished = path.with_extension("new");
    let mut file = OpenOptions::new().create(true).write(true).truncate(true).mode(0o600).open(&unfinished)?;
    file.write_all(&key)?;
    file.sync_all()?;
    std::fs::rename(&unfinished, path)?;
    if let Some(folder) = path.parent() {
        std::fs::File::open(folder)?.sync_all()?;
    }
    Ok(key)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_secret_opens_with_the_same_key_and_context_only() {
        let dir = tempfile::tempdir().unwrap();
        let sealed = SealKey::load_or_create(dir.path()).unwrap().seal("gateway:1", b"open sesame").unwrap();
        assert!(!sealed.windows(4).any(|w| w == b"open"));
        let again = SealKey::load_or_create(dir.path()).unwrap();
        assert_eq!(again.open("gateway:1", &sealed).unwrap(), b"open sesame");
        assert!(matches!(again.open("gateway:2", &sealed), Err(SealError::Open)));
        let other = tempfile::tempdir().unwrap();
        let other = SealKey::load_or_create(other.path()).unwrap();
        assert!(matches!(other.open("gateway:1", &sealed), Err(SealError::Open)));
    }

    #[test]
    fn altered_or_cut_data_does_not_open() {
        let dir = tempfile::tempdir().unwrap();
        let key = SealKey::load_or_create(dir.path()).unwrap();
        let sealed = key.seal("x", b"secret").unwrap();
        for cut in 0..sealed.len() {
            assert!(key.open("x", &sealed[..cut]).is_err(), "cut at {cut}");
        }
        for at in 0..sealed.len() {
            let mut altered = sealed.clone();
            altered[at] ^= 1;
            assert!(key.open("x", &altered).is_err(), "altered at {at}");
        }
    }

    #[test]
    fn the_key_file_is_private_and_checked() {
        let dir = tempfile::tempdir().unwrap();
        SealKey::load_or_create(dir.path()).unwrap();
        let path = dir.path().join(KEY_FILE);
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        std::fs::write(&path, [0; 31]).unwrap();
        assert!(matches!(SealKey::load_or_create(dir.path()), Err(SealError::BadKey { .. })));
        std::fs::write(&path, [0; 33]).unwrap();
        assert!(matches!(SealKey::load_or_create(dir.path()), Err(SealError::BadKey { .. })));
    }
}
