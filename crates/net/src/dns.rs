//! Questions to the DNS (RFC 1035) that the operating system's resolver does not take: where services are (SRV, RFC 2782).
//!
//! A stub resolver: it asks a recursive server over UDP, over TCP when the answer does not fit, and follows nothing itself.

use aws_lc_rs::rand;
use simple_dns::rdata::RData;
use simple_dns::{CLASS, Name, Packet, PacketFlag, Question, RCODE, TYPE};
use std::io::{self, Error, ErrorKind};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};
use tokio::time::timeout;

/// The port of the DNS.
pub const PORT: u16 = 53;
/// Servers that are asked; further ones are not looked at.
pub const SERVERS: usize = 4;
/// How long a server may take.
const PATIENCE: Duration = Duration::from_secs(2);
/// Bytes of an answer over UDP without extensions (RFC 1035 §4.2.1); more is taken if it comes.
const UDP_BYTES: usize = 4_096;
/// Records of one answer; further ones are not looked at.
pub const RECORDS: usize = 64;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum DnsError {
    #[error("no DNS server is known: /etc/resolv.conf names none")]
    NoServer,
    #[error("\"{0}\" is not a name for the DNS")]
    Name(String),
    #[error("{server}: {source}")]
    Asking { server: SocketAddr, source: Error },
    #[error("{server}: it cannot tell ({code})")]
    Refused { server: SocketAddr, code: String },
}

/// Where a service is (RFC 2782).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Srv {
    pub priority: u16,
    pub weight: u16,
    pub port: u16,
    /// Without the dot at the end; empty: the service is decidedly not there.
    pub target: String,
}

/// The servers of `/etc/resolv.conf` (resolv.conf(5)).
pub fn system_servers() -> Vec<SocketAddr> {
    servers_of(&std::fs::read_to_string("/etc/resolv.conf").unwrap_or_default())
}

fn servers_of(text: &str) -> Vec<SocketAddr> {
    let named = text.lines().filter_map(|line| line.trim().strip_prefix("nameserver")?.split_whitespace().next());
    // An address of one link (`fe80::1%eth0`) is left out: the zone is not known here.
    named.filter_map(|address| Some(SocketAddr::new(address.parse().ok()?, PORT))).take(SERVERS).collect()
}

/// The SRV records of a name (`_xmpp-client._tcp.example.com`), best first; none when there are none.
///
/// # Errors
/// No server has an answer.
pub async fn services(servers: &[SocketAddr], name: &str) -> Result<Vec<Srv>, DnsError> {
    let srv = |record| match record {
        Record::Srv(srv) => Some(srv),
        Record::Address(_) => None,
    };
    let mut found: Vec<Srv> = ask(servers, name, TYPE::SRV).await?.into_iter().filter_map(srv).collect();
    found.sort_by_key(|srv| (srv.priority, std::cmp::Reverse(srv.weight)));
    Ok(found)
}

/// The addresses of a host, IPv4 and IPv6.
///
/// # Errors
/// No server has an answer.
pub async fn addresses(servers: &[SocketAddr], name: &str) -> Result<Vec<IpAddr>, DnsError> {
    let mut found = ask(servers, name, TYPE::A).await?;
    match ask(servers, name, TYPE::AAAA).await {
        Ok(more) => found.extend(more),
        // A server that knows the name by one kind of address may know nothing of the other.
        Err(error) if found.is_empty() => return Err(error),
        Err(_) => {}
    }
    let address = |record| match record {
        Record::Address(address) => Some(address),
        Record::Srv(_) => None,
    };
    Ok(found.into_iter().filter_map(address).collect())
}

enum Record {
    Srv(Srv),
    Address(IpAddr),
}

/// One server after the other until one has an answer.
async fn ask(servers: &[SocketAddr], name: &str, of: TYPE) -> Result<Vec<Record>, DnsError> {
    let question = question(name, of)?;
    let mut failed = DnsError::NoServer;
    for server in servers.iter().take(SERVERS).copied() {
        match exchange(server, &question).await {
            Ok(Ok(records)) => return Ok(records),
            Ok(Err(code)) => failed = DnsError::Refused { server, code: format!("{code:?}") },
            Err(source) => failed = DnsError::Asking { server, source },
        }
    }
    Err(failed)
}

/// The bytes of a question, with a number that nobody can guess.
fn question(name: &str, of: TYPE) -> Result<Vec<u8>, DnsError> {
    let wrong = || DnsError::Name(name.to_owned());
    let ascii = idna::domain_to_ascii_cow(name.as_bytes(), idna::AsciiDenyList::EMPTY).map_err(|_| wrong())?;
    let mut id = [0; 2];
    rand::fill(&mut id).map_err(|_| DnsError::NoServer)?;
    let mut packet = Packet::new_query(u16::from_be_bytes(id));
    packet.set_flags(PacketFlag::RECURSION_DESIRED);
    let asked = Name::new(&ascii).map_err(|_| wrong())?;
    packet.questions.push(Question::new(asked, of.into(), CLASS::IN.into(), false));
    packet.build_bytes_vec().map_err(|_| wrong())
}

async fn exchange(server: SocketAddr, question: &[u8]) -> io::Result<Result<Vec<Record>, RCODE>> {
    let late = |_| Error::new(ErrorKind::TimedOut, "no answer in time");
    let answer = timeout(PATIENCE, over_udp(server, question)).await.map_err(late)??;
    match read(&answer, question)? {
        Answer::Cut => {
            let whole = timeout(PATIENCE, over_tcp(server, question)).await.map_err(late)??;
            match read(&whole, question)? {
                Answer::Cut => Err(Error::new(ErrorKind::InvalidData, "the answer is cut even over TCP")),
                Answer::Whole(records) => Ok(records),
            }
        }
        Answer::Whole(records) => Ok(records),
    }
}

async fn over_udp(server: SocketAddr, question: &[u8]) -> io::Result<Vec<u8>> {
    let any: SocketAddr = match server {
        SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
        SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
    };
    let socket = UdpSocket::bind(any).await?;
    // Connected: the system takes datagrams of that server only.
    socket.connect(server).await?;
    socket.send(question).await?;
    let mut buffer = vec![0; UDP_BYTES];
    loop {
        let length = socket.recv(&mut buffer).await?;
        // Whoever guesses must hit the number; others are passed over.
        if buffer.get(..2) == question.get(..2) {
            buffer.truncate(length);
            return Ok(buffer);
        }
    }
}

async fn over_tcp(server: SocketAddr, question: &[u8]) -> io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect(server).await?;
    let length = u16::try_from(question.len()).map_err(|_| ErrorKind::InvalidInput)?;
    stream.write_all(&[&length.to_be_bytes(), question].concat()).await?;
    let mut answer = vec![0; usize::from(stream.read_u16().await?)];
    stream.read_exact(&mut answer).await?;
    Ok(answer)
}

enum Answer {
    /// It did not fit.
    Cut,
    Whole(Result<Vec<Record>, RCODE>),
}

/// Reads what is the answer to that question.
fn read(answer: &[u8], question: &[u8]) -> io::Result<Answer> {
    let odd = |why| Error::new(ErrorKind::InvalidData, why);
    let asked = Packet::parse(question).map_err(|_| odd("the question is broken"))?;
    let packet = Packet::parse(answer).map_err(|_| odd("the answer is not understood"))?;
    let same = packet.questions.len() == 1 && packet.questions[0].qname == asked.questions[0].qname;
    if packet.id() != asked.id() || !packet.has_flags(PacketFlag::RESPONSE) || !same {
        return Err(odd("the answer belongs to another question"));
    }
    if packet.has_flags(PacketFlag::TRUNCATION) {
        return Ok(Answer::Cut);
    }
    match packet.rcode() {
        RCODE::NoError => {}
        RCODE::NameError => return Ok(Answer::Whole(Ok(Vec::new()))),
        other => return Ok(Answer::Whole(Err(other))),
    }
    let record = |data: &RData<'_>| match data {
        RData::SRV(srv) => {
            let target = srv.target.to_string().trim_end_matches('.').to_owned();
            Some(Record::Srv(Srv { priority: srv.priority, weight: srv.weight, port: srv.port, target }))
        }
        RData::A(a) => Some(Record::Address(Ipv4Addr::from(a.address).into())),
        RData::AAAA(a) => Some(Record::Address(Ipv6Addr::from(a.address).into())),
        _ => None,
    };
    Ok(Answer::Whole(Ok(packet.answers.iter().filter_map(|answer| record(&answer.rdata)).take(RECORDS).collect())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_stand_in_the_file_of_the_system() {
        let text = "# nameserver 192.0.2.9\nsearch example.com\nnameserver 192.0.2.1\n nameserver\t2001:db8::1 # x\nnameserver fe80::1%eth0\n";
        let found: Vec<String> = servers_of(text).iter().map(SocketAddr::to_string).collect();
        assert_eq!(found, ["192.0.2.1:53", "[2001:db8::1]:53"]);
        assert_eq!(servers_of(&"nameserver 192.0.2.1\n".repeat(SERVERS + 1)).len(), SERVERS);
    }

    #[test]
    fn only_the_answer_to_the_question_is_read() {
        let asked = question("_xmpp-client._tcp.例え.example", TYPE::SRV).unwrap();
        let mut reply = Packet::parse(&asked).unwrap().into_reply();
        let bytes = reply.build_bytes_vec().unwrap();
        assert!(matches!(read(&bytes, &asked), Ok(Answer::Whole(Ok(records))) if records.is_empty()));
        assert!(read(&asked, &asked).is_err(), "a question is no answer");
        let other = question("_xmpps-client._tcp.example", TYPE::SRV).unwrap();
        assert!(read(&bytes, &other).is_err(), "another question");
        reply.set_flags(PacketFlag::TRUNCATION);
        assert!(matches!(read(&reply.build_bytes_vec().unwrap(), &asked), Ok(Answer::Cut)));
        for cut in 0..bytes.len() {
            assert!(read(&bytes[..cut], &asked).is_err(), "cut at {cut}");
        }
        assert!(matches!(question(&"a".repeat(64), TYPE::SRV), Err(DnsError::Name(_))));
    }
}
