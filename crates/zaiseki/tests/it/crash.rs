//! Acknowledged means kept: `kill -9` twenty times in the middle of ten thousand messages.

use super::support::{Person, Stage};
use std::collections::{BTreeMap, BTreeSet, HashSet};
use zaiseki_testkit::xml::Element;
use zaiseki_testkit::xmpp_client::{Client, Security};

const MESSAGES: usize = 10_000;
const KILLS: usize = 20;
/// Messages between two requests for an acknowledgement.
const BATCH: usize = 25;
/// Requests on their way when the process is killed.
const OUTSTANDING: usize = 4;
const ORIGIN: &str = "urn:xmpp:sid:0";

/// The sending side: what is not yet known to be handled is sent again, in order, under the same origin-id.
struct Sender {
    client: Client,
    /// Numbers of the messages sent on this stream, by their place in it.
    stream: Vec<usize>,
    /// How many of them the server acknowledged.
    acknowledged: usize,
}

impl Sender {
    fn begin(mut client: Client) -> Sender {
        client.bind(Some("desk")).expect("bound");
        client.enable_acks(true).expect("stream management");
        Sender { client, stream: Vec::new(), acknowledged: 0 }
    }

    fn send(&mut self, to: &str, number: usize) {
        let origin = format!("<origin-id xmlns='{ORIGIN}' id='o{number}'/>");
        let message = format!("<message to='{to}' type='chat' id='m{number}'><body>{number}</body>{origin}</message>");
        self.client.send(&message).expect("written");
        self.stream.push(number);
    }

    fn request(&mut self) {
        self.client.send("<r xmlns='urn:xmpp:sm:3'/>").expect("written");
    }

    fn hear(&mut self) {
        let a = self.client.expect(|e| e.is("a") && e.ns == "urn:xmpp:sm:3").expect("an acknowledgement");
        let h = count(&a).expect("a count");
        assert!(h >= self.acknowledged && h <= self.stream.len(), "h {h} of {} sent", self.stream.len());
        self.acknowledged = h;
    }

    /// After the crash: what the new process says of the old stream decides what is sent again.
    fn again(self, person: &Person<'_>) -> (Sender, Vec<usize>) {
        let Sender { client: dead, stream, acknowledged } = self;
        let earlier = dead.cut().expect("a resumable stream");
        let mut client = person.connect(Security::Clear);
        client.authenticate(person.account()).expect("signed in");
        client.send(&format!("<resume xmlns='urn:xmpp:sm:3' previd='{}' h='0'/>", earlier.id)).expect("written");
        let failed = client.expect(|e| e.is("failed")).expect("no process remembers the session itself");
        let h = count(&failed).expect("the count of the lost stream");
        assert!(h >= acknowledged, "{acknowledged} messages were acknowledged, only {h} survived");
        assert!(h <= stream.len(), "h {h} of {} sent", stream.len());
        (Sender::begin(client), stream[h..].to_vec())
    }
}

fn count(element: &Element) -> Option<usize> {
    element.attr("h")?.parse().ok()
}

/// Number and stanza-id of what the receiver got.
fn receipt(message: &Element) -> Option<(usize, String)> {
    if !message.is("message") {
        return None;
    }
    let number = message.child_text("body").parse().ok()?;
    Some((number, message.child_ns("stanza-id", ORIGIN)?.attr("id")?.to_owned()))
}

/// Takes what has come, and acknowledges it.
fn drain(receiver: &mut Client, got: &mut BTreeMap<usize, BTreeSet<String>>) {
    let messages = receiver.barrier().expect("an answer");
    for (number, id) in messages.iter().filter_map(receipt) {
        got.entry(number).or_default().insert(id);
    }
    receiver.acknowledge().expect("written");
}

fn receiver(person: &Person<'_>) -> Client {
    let mut client = person.connect(Security::Clear);
    client.authenticate(person.account()).expect("signed in");
    client.bind(Some("phone")).expect("bound");
    client.enable_acks(true).expect("stream management");
    client.send("<presence/>").expect("written");
    client
}

/// All numbers and ids of the archive, oldest first.
fn archive(client: &mut Client) -> Vec<(usize, String)> {
    let (mut all, mut after) = (Vec::new(), String::new());
    loop {
        let set = format!("<set xmlns='http://jabber.org/protocol/rsm'><max>250</max>{after}</set>");
        let answer = client.iq("set", None, &format!("<query xmlns='urn:xmpp:mam:2'>{set}</query>")).expect("a page");
        let results = client.barrier().expect("an answer");
        let page = results.iter().filter_map(|m| m.child_ns("result", "urn:xmpp:mam:2"));
        all.extend(page.filter_map(|result| {
            let number = result.at("forwarded/message")?.child_text("body").parse().ok()?;
            Some((number, result.attr("id")?.to_owned()))
        }));
        let fin = answer.child("fin").expect("the end of the page");
        if fin.attr("complete") == Some("true") {
            return all;
        }
        let last = fin.at("set").expect("a result set").child_text("last").to_owned();
        after = format!("<after>{last}</after>");
    }
}

#[test]
fn nothing_acknowledged_is_lost_in_twenty_kills() {
    let mut stage = Stage::open(&[], 2);
    let (from, to) = {
        let (from, to) = (stage.person(), stage.person());
        ((from.name.clone(), from.jid.clone()), (to.name.clone(), to.jid.clone()))
    };
    let mut got = BTreeMap::new();
    let mut sender: Option<Sender> = None;
    let mut next = 0;
    for kill in 0..=KILLS {
        {
            let sending = Person { stage: &stage, name: from.0.clone(), jid: from.1.clone() };
            let receiving = Person { stage: &stage, name: to.0.clone(), jid: to.1.clone() };
            let (mut now, again) = match sender.take() {
                Some(dead) => dead.again(&sending),
                None => {
                    let mut client = sending.connect(Security::Clear);
                    client.authenticate(sending.account()).expect("signed in");
                    (Sender::begin(client), Vec::new())
                }
            };
            let mut waiting = again;
            let mut phone = (kill % 2 == 0).then(|| receiver(&receiving));
            let end = MESSAGES * (kill + 1) / (KILLS + 1);
            waiting.extend(next..end);
            next = end;
            run_round(&mut now, &to.1, &waiting, kill == KILLS);
            if let Some(phone) = &mut phone {
                drain(phone, &mut got);
            }
            sender = Some(now);
        }
        if kill < KILLS {
            stage.node.kill().expect("killed");
            stage.node.restart().expect("started again");
        }
    }
    let receiving = Person { stage: &stage, name: to.0.clone(), jid: to.1.clone() };
    check(&receiving, got);
}

/// Sends everything; all but the last few requests are answered, at the very end (`calm`) all of them.
fn run_round(sender: &mut Sender, to: &str, numbers: &[usize], calm: bool) {
    let mut asked = 0;
    for batch in numbers.chunks(BATCH) {
        batch.iter().for_each(|number| sender.send(to, *number));
        sender.request();
        asked += 1;
        if asked > OUTSTANDING {
            sender.hear();
            asked -= 1;
        }
    }
    if calm {
        (0..asked).for_each(|_| sender.hear());
        assert_eq!(sender.acknowledged, sender.stream.len());
    }
}

/// Every message once in the archive, in order, and each of those copies was delivered.
fn check(person: &Person<'_>, mut got: BTreeMap<usize, BTreeSet<String>>) {
    let mut phone = receiver(person);
    let mut reader = person.connect(Security::Clear);
    reader.authenticate(person.account()).expect("signed in");
    reader.bind(Some("reader")).expect("bound");
    let archived = archive(&mut reader);
    let numbers: Vec<usize> = archived.iter().map(|(number, _)| *number).collect();
    assert_eq!(numbers, (0..MESSAGES).collect::<Vec<_>>(), "each once, in the order of sending");
    let ids: HashSet<&String> = archived.iter().map(|(_, id)| id).collect();
    assert_eq!(ids.len(), MESSAGES);
    for (number, id) in &archived {
        while !got.get(number).is_some_and(|ids| ids.contains(id)) {
            let waiting = phone.expect(|e| receipt(e).is_some());
            let message = waiting.unwrap_or_else(|why| panic!("message {number} ({id}) was never delivered: {why:#}"));
            let (number, id) = receipt(&message).expect("a number and an id");
            got.entry(number).or_default().insert(id);
            phone.acknowledge().expect("written");
        }
    }
}
