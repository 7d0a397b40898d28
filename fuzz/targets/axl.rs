//! Answers of a Unified CM: whatever it sends, what is made of it keeps its promises.
#![no_main]

use zaiseki_axl::{AxlConfig, answer, user};

fn config(users: &str) -> AxlConfig {
    let json = format!(r#"{{"servers": ["cucm"], "username": "axl", "country_code": "81", "users": "{users}"}}"#);
    serde_json::from_str(&json).unwrap()
}

libfuzzer_sys::fuzz_target!(|input: (bool, &[u8])| {
    let (fault, bytes) = input;
    let status = if fault { 500 } else { 200 };
    for operation in ["listUser", "getUser", "listChange", "getCCMVersion"] {
        let Ok(found) = answer::body(status, None, bytes, operation) else { continue };
        let _ = answer::ccm_version(&found);
        if let Ok(page) = answer::changes(&found) {
            assert!(!page.queue.is_empty() && page.changes.iter().all(|(key, _)| answer::uuid(key).as_deref() == Some(key)));
        }
        for config in ["enabled", "all"].map(config) {
            for row in answer::users(&found) {
                if let Ok(Some(user)) = user::user(&config, row) {
                    assert_eq!(answer::uuid(&user.key).as_ref(), Some(&user.key));
                    assert!(!user.name.is_empty() && !user.name.contains(char::is_control));
                }
            }
        }
    }
    let _ = answer::body(599, None, bytes, "listUser");
});
