//! OpenLDAP's slapd from Debian on loopback, with a tree of its own in a temporary directory.

use crate::process::{self, Server, free_port};
use anyhow::{Context, Result};
use std::fmt::Write;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;
use zaiseki_net::tls::ensure_self_signed;

/// The tree's root, and the account that may do everything.
pub const SUFFIX: &str = "dc=example,dc=com";
pub const ROOT_DN: &str = "cn=admin,dc=example,dc=com";
pub const ROOT_PASSWORD: &str = "root-secret";
/// An account that may read.
pub const READER_DN: &str = "cn=reader,dc=example,dc=com";
pub const READER_PASSWORD: &str = "reader-secret";

const SLAPD: &str = "/usr/sbin/slapd";

/// Runs until dropped or stopped.
pub struct Slapd {
    server: Option<Server>,
    dir: tempfile::TempDir,
    port: u16,
    tls_port: u16,
}

/// One person of the tree: `uid=NAME,PLACE`.
#[derive(Clone, Debug, Default)]
pub struct Person {
    pub name: String,
    /// Below [`SUFFIX`]: `ou=tokyo`.
    pub place: String,
    /// Further lines of LDIF, each `attribute: value`.
    pub lines: Vec<String>,
}

impl Person {
    pub fn new(name: &str, place: &str) -> Person {
        Person { name: name.to_owned(), place: place.to_owned(), lines: Vec::new() }
    }

    pub fn with(mut self, line: impl Into<String>) -> Person {
        self.lines.push(line.into());
        self
    }

    pub fn dn(&self) -> String {
        format!("uid={},{},{SUFFIX}", self.name, self.place)
    }

    /// As LDIF (RFC 2849).
    pub fn ldif(&self) -> String {
        let mut text =
            format!("dn: {}\nobjectClass: inetOrgPerson\nuid: {name}\ncn: {name}\nsn: {name}\n", self.dn(), name = self.name);
        for line in &self.lines {
            text.push_str(line);
            text.push('\n');
        }
        text.push('\n');
        text
    }
}

/// An organisational unit below [`SUFFIX`], as LDIF.
pub fn unit(name: &str) -> String {
    format!("dn: ou={name},{SUFFIX}\nobjectClass: organizationalUnit\nou: {name}\n\n")
}

/// A referral to a part of the tree on another server (RFC 3296), as LDIF.
pub fn referral(name: &str, url: &str) -> String {
    format!("dn: ou={name},{SUFFIX}\nobjectClass: referral\nobjectClass: extensibleObject\nou: {name}\nref: {url}\n\n")
}

impl Slapd {
    /// Starts it with this LDIF below the root. Clear text, StartTLS and `ldaps`, with a certificate of a private CA for
    /// `localhost`.
    pub fn start(ldif: &str) -> Result<Slapd> {
        let dir = tempfile::tempdir()?;
        let mut slapd = Slapd { server: None, port: free_port()?, tls_port: free_port()?, dir };
        std::fs::create_dir(slapd.file("db"))?;
        ensure_self_signed(&slapd.file("tls"), &["localhost".to_owned()])?;
        std::fs::write(slapd.file("slapd.conf"), slapd.configuration()?)?;
        let root = format!(
            "dn: {SUFFIX}\nobjectClass: dcObject\nobjectClass: organization\no: Example\ndc: example\n\n\
             dn: {READER_DN}\nobjectClass: applicationProcess\nobjectClass: simpleSecurityObject\ncn: reader\n\
             userPassword: {READER_PASSWORD}\n\n"
        );
        std::fs::write(slapd.file("tree.ldif"), root + ldif)?;
        let mut load = Command::new("/usr/sbin/slapadd");
        load.arg("-q").arg("-f").arg(slapd.file("slapd.conf")).arg("-l").arg(slapd.file("tree.ldif"));
        process::run(&mut load).context("loading the tree (Debian's package slapd)")?;
        slapd.restart()?;
        Ok(slapd)
    }

    fn configuration(&self) -> Result<String> {
        let paths = ensure_self_signed(&self.file("tls"), &["localhost".to_owned()])?;
        let mut text = String::new();
        for schema in ["core", "cosine", "inetorgperson"] {
            writeln!(text, "include /etc/ldap/schema/{schema}.schema")?;
        }
        write!(
            text,
            "modulepath /usr/lib/ldap\nmoduleload back_mdb\nattributeoptions lang- phonetic\n\
             TLSCACertificateFile {ca}\nTLSCertificateFile {certificate}\nTLSCertificateKeyFile {key}\n\
             database mdb\nmaxsize 4294967296\nsuffix \"{SUFFIX}\"\nrootdn \"{ROOT_DN}\"\nrootpw {ROOT_PASSWORD}\n\
             directory {db}\nindex objectClass,uid,entryUUID eq\n\
             access to attrs=userPassword by anonymous auth by * none\n\
             access to * by dn.exact=\"{READER_DN}\" read by anonymous auth by * none\n\
             sizelimit size.soft=100 size.hard=100 size.pr=1000 size.prtotal=unlimited\n",
            ca = paths.ca.display(),
            certificate = paths.certificate.display(),
            key = paths.key.display(),
            db = self.file("db").display(),
        )?;
        Ok(text)
    }

    /// Starts the server (again), on the same ports with the same tree.
    pub fn restart(&mut self) -> Result<()> {
        self.stop();
        let urls = format!("ldap://127.0.0.1:{} ldaps://127.0.0.1:{}", self.port, self.tls_port);
        let mut command = Command::new(SLAPD);
        command.args(["-d", "0", "-h", &urls, "-f"]).arg(self.file("slapd.conf"));
        let mut server = Server::start(&mut command, &self.file("log"))?;
        server.wait_for_port(self.port, Duration::from_secs(60))?;
        self.server = Some(server);
        Ok(())
    }

    /// Kills the server at once.
    pub fn stop(&mut self) {
        self.server = None;
    }

    fn file(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// `localhost:PORT`, for clear text and StartTLS.
    pub fn address(&self) -> String {
        format!("localhost:{}", self.port)
    }

    /// `localhost:PORT`, for `ldaps`.
    pub fn tls_address(&self) -> String {
        format!("localhost:{}", self.tls_port)
    }

    /// The private CA, PEM.
    pub fn ca(&self) -> Result<String> {
        let paths = ensure_self_signed(&self.file("tls"), &["localhost".to_owned()])?;
        std::fs::read_to_string(paths.ca).context("reading the CA")
    }

    /// Changes the tree by LDIF change records (RFC 2849), through `ldapmodify`.
    pub fn modify(&self, changes: &str) -> Result<()> {
        let file = self.file("changes.ldif");
        std::fs::write(&file, changes)?;
        let url = format!("ldap://127.0.0.1:{}", self.port);
        let mut command = Command::new("ldapmodify");
        command.args(["-x", "-H", &url, "-D", ROOT_DN, "-w", ROOT_PASSWORD, "-f"]).arg(&file);
        process::run(&mut command).map(drop)
    }

    /// Adds people.
    pub fn add(&self, people: &[Person]) -> Result<()> {
        let records = people.iter().map(|person| person.ldif().replacen('\n', "\nchangetype: add\n", 1));
        self.modify(&records.collect::<String>())
    }

    pub fn delete(&self, person: &Person) -> Result<()> {
        self.modify(&format!("dn: {}\nchangetype: delete\n\n", person.dn()))
    }

    /// Moves a person to another unit; the entry keeps its entryUUID.
    pub fn relocate(&self, person: &mut Person, place: &str) -> Result<()> {
        let record = format!(
            "dn: {}\nchangetype: modrdn\nnewrdn: uid={}\ndeleteoldrdn: 0\nnewsuperior: {place},{SUFFIX}\n\n",
            person.dn(),
            person.name
        );
        self.modify(&record)?;
        place.clone_into(&mut person.place);
        Ok(())
    }
}
