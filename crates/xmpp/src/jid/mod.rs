//! Addresses (RFC 7622). A value of these types is prepared: two addresses are the same exactly when they compare equal.

mod escape;
mod prepare;

pub use escape::{escape_local, unescape_local};
pub use prepare::{prepare_domain, prepare_local, prepare_resource};

use std::borrow::{Borrow, Cow};
use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;
use std::sync::Arc;

/// Bytes of each of the three parts, prepared: 1 to this many (RFC 7622 §3.1).
pub const MAX_PART_BYTES: usize = 1023;

/// Why text is not an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JidError {
    #[error("the localpart is empty")]
    EmptyLocal,
    #[error("the domainpart is empty")]
    EmptyDomain,
    #[error("the resourcepart is empty")]
    EmptyResource,
    #[error("a part of the address is longer than 1023 bytes")]
    TooLong,
    #[error("the localpart holds a character that is not allowed")]
    BadLocal,
    #[error("the domainpart is not a domain name or IP address")]
    BadDomain,
    #[error("the resourcepart holds a character that is not allowed")]
    BadResource,
    /// A bare address was wanted.
    #[error("an address without resource is needed")]
    UnwantedResource,
    /// A full address was wanted.
    #[error("an address with resource is needed")]
    MissingResource,
}

/// `localpart@domainpart` or `domainpart`. Cheap to clone.
#[derive(Clone)]
pub struct BareJid {
    /// May go on with a resource, which is not part of this address.
    text: Arc<str>,
    /// Bytes of the localpart; 0: none.
    local: u16,
    /// Bytes of the bare address.
    len: u16,
}

/// An address with a resourcepart. Cheap to clone, and to take the bare address of.
#[derive(Clone)]
pub struct FullJid {
    text: Arc<str>,
    local: u16,
    /// Bytes of the bare address; the slash comes after them.
    bare: u16,
}

/// An address of either kind.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Jid {
    Bare(BareJid),
    Full(FullJid),
}

impl BareJid {
    /// Prepares and joins the parts.
    pub fn new(local: Option<&str>, domain: &str) -> Result<Self, JidError> {
        let local = local.map(prepare_local).transpose()?;
        let domain = prepare_domain(domain)?;
        let (text, local) = match local {
            Some(local) => ([&*local, "@", &*domain].concat(), local.len()),
            None => (domain.into_owned(), 0),
        };
        Ok(BareJid { len: text.len() as u16, text: Arc::from(text), local: local as u16 })
    }

    pub fn local(&self) -> Option<&str> {
        (self.local > 0).then(|| &self.text[..usize::from(self.local)])
    }

    pub fn domain(&self) -> &str {
        &self.as_str()[domain_start(self.local)..]
    }

    pub fn as_str(&self) -> &str {
        &self.text[..usize::from(self.len)]
    }

    /// The address of one of the user's resources.
    pub fn with_resource(&self, resource: &str) -> Result<FullJid, JidError> {
        let resource = prepare_resource(resource)?;
        Ok(FullJid { text: Arc::from([self.as_str(), "/", &*resource].concat()), local: self.local, bare: self.len })
    }
}

impl FullJid {
    /// Without the resource; shares the memory.
    pub fn bare(&self) -> BareJid {
        BareJid { text: self.text.clone(), local: self.local, len: self.bare }
    }

    pub fn bare_str(&self) -> &str {
        &self.text[..usize::from(self.bare)]
    }

    pub fn local(&self) -> Option<&str> {
        (self.local > 0).then(|| &self.text[..usize::from(self.local)])
    }

    pub fn domain(&self) -> &str {
        &self.bare_str()[domain_start(self.local)..]
    }

    pub fn resource(&self) -> &str {
        &self.text[usize::from(self.bare) + 1..]
    }

    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl Jid {
    /// Splits at the first slash, then at the first `@` before it (RFC 7622 §3.1), and prepares the parts.
    pub fn parse(text: &str) -> Result<Self, JidError> {
        let (bare, resource) = match text.split_once('/') {
            Some((bare, resource)) => (bare, Some(prepare_resource(resource)?)),
            None => (text, None),
        };
        let (local, domain) = match bare.split_once('@') {
            Some((local, domain)) => (Some(prepare_local(local)?), prepare_domain(domain)?),
            None => (None, prepare_domain(bare)?),
        };
        let local_len = local.as_ref().map_or(0, |l| l.len());
        let bare_len = domain_start(local_len as u16) + domain.len();
        let len = bare_len + resource.as_ref().map_or(0, |r| r.len() + 1);
        // Already prepared, as nearly always: one copy of the text as it is. (A final dot makes the length differ.)
        let unchanged = len == text.len() && is_borrowed(&domain) && [&local, &resource].into_iter().flatten().all(is_borrowed);
        let joined: Arc<str> = if unchanged { Arc::from(text) } else { join(local.as_deref(), &domain, resource.as_deref()) };
        let (local, bare) = (local_len as u16, bare_len as u16);
        Ok(match resource {
            Some(_) => Jid::Full(FullJid { text: joined, local, bare }),
            None => Jid::Bare(BareJid { text: joined, local, len: bare }),
        })
    }

    /// Without the resource.
    pub fn bare(&self) -> BareJid {
        match self {
            Jid::Bare(bare) => bare.clone(),
            Jid::Full(full) => full.bare(),
        }
    }

    pub fn bare_str(&self) -> &str {
        match self {
            Jid::Bare(bare) => bare.as_str(),
            Jid::Full(full) => full.bare_str(),
        }
    }

    pub fn local(&self) -> Option<&str> {
        match self {
            Jid::Bare(bare) => bare.local(),
            Jid::Full(full) => full.local(),
        }
    }

    pub fn domain(&self) -> &str {
        match self {
            Jid::Bare(bare) => bare.domain(),
            Jid::Full(full) => full.domain(),
        }
    }

    pub fn resource(&self) -> Option<&str> {
        self.full().map(FullJid::resource)
    }

    pub fn as_str(&self) -> &str {
        match self {
            Jid::Bare(bare) => bare.as_str(),
            Jid::Full(full) => full.as_str(),
        }
    }

    pub fn full(&self) -> Option<&FullJid> {
        if let Jid::Full(full) = self { Some(full) } else { None }
    }

    pub fn into_full(self) -> Option<FullJid> {
        if let Jid::Full(full) = self { Some(full) } else { None }
    }

    pub fn is_bare(&self) -> bool {
        matches!(self, Jid::Bare(_))
    }
}

#[allow(clippy::ptr_arg, reason = "it asks how the text is held, not what it says")]
fn is_borrowed(part: &Cow<'_, str>) -> bool {
    matches!(part, Cow::Borrowed(_))
}

fn domain_start(local: u16) -> usize {
    if local > 0 { usize::from(local) + 1 } else { 0 }
}

fn join(local: Option<&str>, domain: &str, resource: Option<&str>) -> Arc<str> {
    let (local, at) = local.map_or(("", ""), |l| (l, "@"));
    let (slash, resource) = resource.map_or(("", ""), |r| ("/", r));
    Arc::from([local, at, domain, slash, resource].concat())
}

macro_rules! as_text {
    ($name:ty) => {
        impl PartialEq for $name {
            fn eq(&self, other: &Self) -> bool {
                self.as_str() == other.as_str()
            }
        }
        impl Eq for $name {}
        impl PartialOrd for $name {
            fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
                Some(self.cmp(other))
            }
        }
        impl Ord for $name {
            fn cmp(&self, other: &Self) -> Ordering {
                self.as_str().cmp(other.as_str())
            }
        }
        impl Hash for $name {
            fn hash<H: Hasher>(&self, state: &mut H) {
                self.as_str().hash(state)
            }
        }
        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                self.as_str()
            }
        }
        shown_as_text!($name);
    };
}

macro_rules! shown_as_text {
    ($name:ty) => {
        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                self.as_str()
            }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(self.as_str(), f)
            }
        }
    };
}
as_text!(BareJid);
as_text!(FullJid);
shown_as_text!(Jid);

impl FromStr for BareJid {
    type Err = JidError;
    fn from_str(text: &str) -> Result<Self, JidError> {
        match Jid::parse(text)? {
            Jid::Bare(bare) => Ok(bare),
            Jid::Full(_) => Err(JidError::UnwantedResource),
        }
    }
}

impl FromStr for FullJid {
    type Err = JidError;
    fn from_str(text: &str) -> Result<Self, JidError> {
        Jid::parse(text)?.into_full().ok_or(JidError::MissingResource)
    }
}

impl FromStr for Jid {
    type Err = JidError;
    fn from_str(text: &str) -> Result<Self, JidError> {
        Jid::parse(text)
    }
}

impl From<BareJid> for Jid {
    fn from(bare: BareJid) -> Self {
        Jid::Bare(bare)
    }
}

impl From<FullJid> for Jid {
    fn from(full: FullJid) -> Self {
        Jid::Full(full)
    }
}

#[cfg(test)]
mod tests;
