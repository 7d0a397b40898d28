//! Passwords of administrators: the rules for a new one, and Argon2id (RFC 9106), kept in PHC form
//! (`$argon2id$v=19$m=…,t=…,p=…$SALT$HASH`).
//!
//! A hash takes tens of milliseconds and 19 MiB, which is the point; a bounded number is made at once, so that guessing
//! cannot take the node's memory and processors.

use crate::error::{ControlError, Result};
use crate::text::Text;
use argon2::{Algorithm, Argon2, Params, Version};
use aws_lc_rs::constant_time;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD as BASE64;
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;
use unicode_normalization::UnicodeNormalization;
use zaiseki_model::limits::{ADMIN_PASSWORD_CHARS, PASSWORD_HASHES, PASSWORD_HASHES_WAITING};

/// Memory in KiB, passes, lanes: the first choice of OWASP's Password Storage Cheat Sheet for Argon2id.
pub const MEMORY_KIB: u32 = 19 * 1024;
pub const PASSES: u32 = 2;
pub const LANES: u32 = 1;
const SALT_BYTES: usize = 16;
const HASH_BYTES: usize = 32;

/// Makes and checks hashes, a few at a time.
pub struct Hasher {
    queue: Mutex<Queue>,
    free: Condvar,
    /// What is checked when there is no such account, so that it takes as long.
    nobody: String,
}

#[derive(Default)]
struct Queue {
    running: usize,
    waiting: usize,
}

impl Hasher {
    /// # Errors
    /// The random number generator does not answer.
    pub fn new() -> Result<Hasher> {
        let (mut salt, mut hash) = ([0; SALT_BYTES], [0; HASH_BYTES]);
        aws_lc_rs::rand::fill(&mut salt).map_err(|_| ControlError::Random)?;
        aws_lc_rs::rand::fill(&mut hash).map_err(|_| ControlError::Random)?;
        Ok(Hasher { queue: Mutex::default(), free: Condvar::new(), nobody: phc(&salt, &hash) })
    }

    /// # Errors
    /// `throttled` while too many are waiting.
    pub fn hash(&self, password: &str) -> Result<String> {
        let mut salt = [0; SALT_BYTES];
        aws_lc_rs::rand::fill(&mut salt).map_err(|_| ControlError::Random)?;
        let hash = self.run(|| derive(params(), password, &salt))??;
        Ok(phc(&salt, &hash))
    }

    /// Whether the password is the one of that hash; with `None` (there is no account, or it has no password) it is not, which
    /// takes as long to find out.
    ///
    /// # Errors
    /// `throttled` while too many are waiting.
    pub fn verify(&self, password: &str, kept: Option<&str>) -> Result<bool> {
        let Some((params, salt, wanted)) = parse(kept.unwrap_or(&self.nobody)) else {
            return Err(ControlError::DamagedPassword);
        };
        let found = self.run(|| derive(params, password, &salt))??;
        Ok(constant_time::verify_slices_are_equal(&found, &wanted).is_ok() && kept.is_some())
    }

    fn run<R>(&self, work: impl FnOnce() -> R) -> Result<R> {
        let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        if queue.running >= PASSWORD_HASHES {
            if queue.waiting >= PASSWORD_HASHES_WAITING {
                return Err(busy());
            }
            queue.waiting += 1;
            queue = self.free.wait_while(queue, |queue| queue.running >= PASSWORD_HASHES).unwrap_or_else(PoisonError::into_inner);
            queue.waiting -= 1;
        }
        queue.running += 1;
        drop(queue);
        let done = work();
        self.queue.lock().unwrap_or_else(PoisonError::into_inner).running -= 1;
        self.free.notify_one();
        Ok(done)
    }
}

fn busy() -> ControlError {
    let text = Text::new(
        "too many people are signing in at the moment: try again in a few seconds",
        "サインインが混み合っています。数秒後にもう一度お試しください",
    );
    ControlError::Throttled { text, wait: Duration::from_secs(3) }
}

fn params() -> Option<Params> {
    Params::new(MEMORY_KIB, PASSES, LANES, Some(HASH_BYTES)).ok()
}

fn derive(params: Option<Params>, password: &str, salt: &[u8]) -> Result<[u8; HASH_BYTES]> {
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params.ok_or(ControlError::DamagedPassword)?);
    let mut hash = [0; HASH_BYTES];
    argon2.hash_password_into(prepared(password).as_bytes(), salt, &mut hash).map_err(|_| ControlError::DamagedPassword)?;
    Ok(hash)
}

/// The form that is compared, whatever the keyboard wrote (RFC 8265 §4.2.2, OpaqueString): each space is the ASCII one, and
/// characters are composed (NFC).
fn prepared(password: &str) -> String {
    let is_space = |c| matches!(c, '\u{a0}' | '\u{1680}' | '\u{2000}'..='\u{200a}' | '\u{202f}' | '\u{205f}' | '\u{3000}');
    password.chars().map(|c| if is_space(c) { ' ' } else { c }).nfc().collect()
}

fn phc(salt: &[u8], hash: &[u8]) -> String {
    let (salt, hash) = (BASE64.encode(salt), BASE64.encode(hash));
    format!("$argon2id$v=19$m={MEMORY_KIB},t={PASSES},p={LANES}${salt}${hash}")
}

/// Parameters, salt and hash; with the parameters of the time when it was made.
fn parse(text: &str) -> Option<(Option<Params>, Vec<u8>, Vec<u8>)> {
    let mut parts = text.strip_prefix("$argon2id$v=19$")?.split('$');
    let (numbers, salt, hash) = (parts.next()?, parts.next()?, parts.next()?);
    let mut values = numbers.split(',').zip(["m=", "t=", "p="]).map(|(part, key)| part.strip_prefix(key)?.parse().ok());
    let (memory, passes, lanes) = (values.next()??, values.next()??, values.next()??);
    let params = Params::new(memory, passes, lanes, Some(HASH_BYTES)).ok();
    Some((params, BASE64.decode(salt).ok()?, BASE64.decode(hash).ok()?))
}

/// Characters of a name that a password may not hold; a shorter one stands in many good words.
const TELLING: usize = 4;

/// The rules for a new password: `least` characters or more, and not the name.
///
/// # Errors
/// `invalid` for the field `password`.
pub fn check_new(name: &str, password: &str, least: u32) -> Result<()> {
    let password = prepared(password);
    let chars = password.chars().count();
    if !(least as usize..=ADMIN_PASSWORD_CHARS).contains(&chars) {
        let en = format!("the password must have {least} to {ADMIN_PASSWORD_CHARS} characters");
        let ja = format!("パスワードは {least}～{ADMIN_PASSWORD_CHARS} 文字にしてください");
        return Err(ControlError::invalid("password", en, ja));
    }
    let first = password.chars().next();
    let holds_name = name.chars().count() >= TELLING && password.to_lowercase().contains(&name.to_lowercase());
    if holds_name || password.chars().all(|c| Some(c) == first) {
        let en = "the password must not hold the name, nor be one character over and over";
        let ja = "名前を含むパスワードや、同じ文字だけのパスワードは使えません";
        return Err(ControlError::invalid("password", en, ja));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::{Arc, mpsc};

    #[test]
    fn a_hash_knows_its_password_and_no_other() {
        let hasher = Hasher::new().unwrap();
        let kept = hasher.hash("正しい password").unwrap();
        assert!(kept.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{kept}");
        assert_ne!(kept, hasher.hash("正しい password").unwrap(), "each has its salt");
        assert!(hasher.verify("正しい password", Some(&kept)).unwrap());
        assert!(!hasher.verify("正しい Password", Some(&kept)).unwrap());
        assert!(!hasher.verify("", None).unwrap());
    }

    #[test]
    fn it_does_not_matter_how_a_keyboard_writes_a_character() {
        let hasher = Hasher::new().unwrap();
        let composed = "ガギグ long password";
        let kept = hasher.hash(composed).unwrap();
        let decomposed: String = composed.nfd().collect();
        assert_ne!(decomposed, composed);
        for same in [decomposed.as_str(), "ガギグ\u{3000}long\u{a0}password"] {
            assert!(hasher.verify(same, Some(&kept)).unwrap(), "{same}");
        }
        assert!(!hasher.verify("カキク long password", Some(&kept)).unwrap());
        assert!(hasher.verify(composed, Some(&hasher.hash(&decomposed).unwrap())).unwrap());
    }

    #[test]
    fn hashes_of_other_parameters_are_understood() {
        let hasher = Hasher::new().unwrap();
        let other = Params::new(1024, 3, 2, Some(HASH_BYTES)).ok();
        let hash = derive(other, "pw", b"saltsaltsaltsalt").unwrap();
        let kept = format!("$argon2id$v=19$m=1024,t=3,p=2${}${}", BASE64.encode("saltsaltsaltsalt"), BASE64.encode(hash));
        assert!(hasher.verify("pw", Some(&kept)).unwrap());
        for damaged in ["", "$argon2i$v=19$m=1,t=1,p=1$YQ$YQ", "$argon2id$v=19$m=x,t=3,p=2$YQ$YQ", "$argon2id$v=19$m=1024"] {
            assert!(hasher.verify("pw", Some(damaged)).is_err(), "{damaged}");
        }
    }

    #[test]
    fn rules_hold_at_both_ends_and_one_step_past() {
        let good = |password: &str| check_new("hana", password, 12).is_ok();
        assert!(good("あいうえおかきくけこさし") && !good("あいうえおかきくけこさ"));
        let long = "ab".repeat(ADMIN_PASSWORD_CHARS / 2);
        assert!(good(&long) && !good(&format!("{long}a")));
        assert!(!good("my-HANA-is-long") && !good("aaaaaaaaaaaaaaaa"));
    }

    #[test]
    fn a_bounded_number_runs_and_waits() {
        let hasher = Arc::new(Hasher::new().unwrap());
        let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let (open, gate) = mpsc::channel::<()>();
        let gate = Arc::new(Mutex::new(gate));
        let threads: Vec<_> = (0..PASSWORD_HASHES + PASSWORD_HASHES_WAITING)
            .map(|_| {
                let (hasher, gate, now, most) = (hasher.clone(), gate.clone(), now.clone(), most.clone());
                std::thread::spawn(move || {
                    hasher.run(|| {
                        most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                        gate.lock().unwrap().recv().unwrap();
                        now.fetch_sub(1, Ordering::SeqCst);
                    })
                })
            })
            .collect();
        let began = std::time::Instant::now();
        while hasher.queue.lock().unwrap().waiting < PASSWORD_HASHES_WAITING {
            assert!(began.elapsed() < Duration::from_secs(20), "they do not queue");
            std::thread::yield_now();
        }
        assert_eq!(hasher.run(|| ()).unwrap_err().code(), "throttled");
        for _ in &threads {
            open.send(()).unwrap();
        }
        for thread in threads {
            thread.join().unwrap().unwrap();
        }
        assert_eq!(most.load(Ordering::SeqCst), PASSWORD_HASHES);
    }
}
