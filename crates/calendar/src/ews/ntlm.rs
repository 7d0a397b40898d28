//! NTLMv2 as a client (MS-NLMP), for HTTP: no signing, no sealing. With the channel binding of the TLS connection among the
//! AV pairs (MS-NLMP §3.1.5.1.2, RFC 5929 §4), which Exchange's Extended Protection asks for.

use md5::{Digest, Md5};
use ntlmclient::{Credentials, Flags, Message, NegotiateMessage, TargetInfoEntry, TargetInfoType};
use std::panic::catch_unwind;

/// Longest challenge that is looked at; real ones have some 300 bytes.
const MAX_CHALLENGE: usize = 16 * 1024;

const FLAGS: Flags = Flags::NEGOTIATE_UNICODE
    .union(Flags::REQUEST_TARGET)
    .union(Flags::NEGOTIATE_NTLM)
    .union(Flags::NEGOTIATE_ALWAYS_SIGN)
    .union(Flags::NEGOTIATE_NTLM2_KEY)
    .union(Flags::NEGOTIATE_TARGET_INFO);

pub struct Account(Credentials);

impl Account {
    /// `DOMAIN\user`, or `user@domain`, whose domain the server finds itself.
    pub fn new(username: &str, password: &str) -> Self {
        let (domain, user) = username.split_once('\\').unwrap_or(("", username));
        Account(Credentials { username: user.to_owned(), password: password.to_owned(), domain: domain.to_owned() })
    }
}

/// The first message.
pub fn negotiate() -> Vec<u8> {
    let message = NegotiateMessage {
        flags: FLAGS,
        supplied_domain: String::new(),
        supplied_workstation: String::new(),
        os_version: Default::default(),
    };
    // Fails only for names that cannot be encoded; there are none in it.
    Message::Negotiate(message).to_bytes().unwrap_or_default()
}

/// The answer to a challenge. `server_leaf`: the server's certificate (DER), when the sign-in is to be tied to it.
pub fn authenticate(challenge: &[u8], account: &Account, server_leaf: Option<&[u8]>) -> Result<Vec<u8>, String> {
    if challenge.len() > MAX_CHALLENGE {
        return Err("the NTLM challenge is too long".to_owned());
    }
    let credentials = account.0.clone();
    let hash = server_leaf.map(binding_hash);
    // Foreign bytes in a foreign parser: should it ever panic, that is a refused sign-in and no more.
    let result = catch_unwind(move || answer(challenge, &credentials, hash));
    result.unwrap_or_else(|_| Err("the NTLM challenge is not understood".to_owned()))
}

fn answer(challenge: &[u8], credentials: &Credentials, binding: Option<[u8; 16]>) -> Result<Vec<u8>, String> {
    let message = Message::try_from(challenge).map_err(|e| format!("bad NTLM challenge: {e}"))?;
    let Message::Challenge(challenge) = message else { return Err("the server sent another NTLM message".to_owned()) };
    let mut target: Vec<TargetInfoEntry> = challenge.target_information;
    target.retain(|e| !matches!(e.entry_type, TargetInfoType::Terminator | TargetInfoType::ChannelBindings));
    let time = server_time(&target).unwrap_or_else(ntlmclient::get_ntlm_time);
    if let Some(hash) = binding {
        target.push(TargetInfoEntry { entry_type: TargetInfoType::ChannelBindings, data: hash.to_vec() });
    }
    target.push(TargetInfoEntry { entry_type: TargetInfoType::Terminator, data: Vec::new() });
    let target: Vec<u8> = target.iter().flat_map(TargetInfoEntry::to_bytes).collect();
    let response = ntlmclient::respond_challenge_ntlm_v2(challenge.challenge, &target, time, credentials);
    let message = response.to_message(credentials, "", FLAGS & challenge.flags | Flags::NEGOTIATE_UNICODE);
    message.to_bytes().map_err(|e| format!("the NTLM answer could not be written: {e}"))
}

/// MsvAvTimestamp: a client answers with the server's clock when it is told.
fn server_time(target: &[TargetInfoEntry]) -> Option<i64> {
    let entry = target.iter().find(|e| e.entry_type == TargetInfoType::Timestamp)?;
    Some(i64::from_le_bytes(entry.data.as_slice().try_into().ok()?))
}

/// MD5 of the `gss_channel_bindings_struct` (MS-NLMP §2.2.2.1): no addresses, `tls-server-end-point:` and the hash.
fn binding_hash(server_leaf: &[u8]) -> [u8; 16] {
    let mut data = b"tls-server-end-point:".to_vec();
    data.extend_from_slice(&zaiseki_net::tls::end_point_binding(server_leaf));
    let mut structure = vec![0u8; 16];
    structure.extend_from_slice(&u32::try_from(data.len()).unwrap_or(u32::MAX).to_le_bytes());
    structure.extend_from_slice(&data);
    Md5::digest(&structure).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn account() -> Account {
        Account::new("EX\\zaiseki", "s3cret")
    }

    #[test]
    fn user_names_in_both_forms() {
        assert_eq!((account().0.domain.as_str(), account().0.username.as_str()), ("EX", "zaiseki"));
        let upn = Account::new("zaiseki@ex.test", "x").0;
        assert_eq!((upn.domain.as_str(), upn.username.as_str()), ("", "zaiseki@ex.test"));
    }

    proptest! {
        #[test]
        fn garbage_is_an_error_and_no_panic(tail in prop::collection::vec(any::<u8>(), 0..200), kind in 0u32..5) {
            let mut message = b"NTLMSSP\0".to_vec();
            message.extend_from_slice(&kind.to_le_bytes());
            message.extend_from_slice(&tail);
            let _ = authenticate(&message, &account(), Some(b"leaf"));
            prop_assert!(authenticate(&tail, &account(), None).is_err());
        }
    }
}
