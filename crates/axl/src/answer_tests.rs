use super::*;
use crate::config::{AxlConfig, Include};
use crate::user::user;
use proptest::prelude::*;
use zaiseki_model::directory::{Number, NumberKind};

const UUID: &str = "{0A1B2C3D-0000-1111-2222-333344445555}";

fn soap(inside: &str) -> String {
    format!(
        "<e:Envelope xmlns:e='{SOAP}' xmlns:n='http://www.cisco.com/AXL/API/12.0'><e:Header/><e:Body>{inside}</e:Body></e:Envelope>"
    )
}

fn answered(operation: &str, inside: &str) -> Result<Element, Trouble> {
    let text = soap(&format!("<n:{operation}Response sequence='7'>{inside}</n:{operation}Response>"));
    body(200, None, text.as_bytes(), operation)
}

fn fault(code: &str, message: &str) -> Trouble {
    let text = format!(
        "<e:Fault><faultcode>e:Server</faultcode><faultstring>{message}</faultstring><detail><n:axlError><axlcode>{code}</axlcode>\
         <axlmessage>{message}</axlmessage><request>x</request></n:axlError></detail></e:Fault>"
    );
    body(500, None, soap(&text).as_bytes(), "listUser").unwrap_err()
}

fn config() -> AxlConfig {
    serde_json::from_str(r#"{"servers": ["cucm"], "username": "axl", "country_code": "81"}"#).unwrap()
}

fn one(
    config: &AxlConfig,
    attributes: &str,
    tags: &str,
) -> Result<Option<zaiseki_model::directory::SourceUser>, (Option<String>, String)> {
    let answer = answered("listUser", &format!("<return><user {attributes}>{tags}</user></return>")).unwrap();
    let row = users(&answer).next().unwrap();
    user(config, row).map_err(|skipped| (skipped.key, skipped.why.to_string()))
}

#[test]
fn statuses_and_faults_become_what_is_to_be_done() {
    assert!(matches!(body(401, None, b"", "x"), Err(Trouble::Auth(_))));
    assert!(matches!(body(403, None, b"", "x"), Err(Trouble::Auth(_))));
    assert!(matches!(body(404, None, b"", "x"), Err(Trouble::Refused(_))));
    let wish = Some(Duration::from_secs(3));
    assert_eq!(body(503, wish, b"", "x"), Err(Trouble::Busy(wish)));
    let page = b"<html><body>Incorrect axl version. Supported axl versions are 12.x, 14.0 and 15.0</body></html>";
    assert_eq!(body(599, None, page, "x"), Err(Trouble::Version(Some("15.0".to_owned()))));
    assert_eq!(fault("5007", "no"), Trouble::NotFound("no".to_owned()));
    assert_eq!(fault("5003", "no"), Trouble::NotFound("no".to_owned()));
    assert_eq!(fault("-239", "twice"), Trouble::Refused("twice (code -239)".to_owned()));
    for word in ["Suggestive", "Suggested"] {
        let text = format!("Query request too large. Total rows matched: 2816 rows. {word} Row Fetch: less than 844 rows");
        assert_eq!(fault("-1", &text), Trouble::TooLong { fewer_than: 844 });
    }
    let full = "Maximum AXL Memory Allocation Consumed. Please retry once requests in progress have completed";
    assert_eq!(fault("-1", full), Trouble::Busy(None));
    assert_eq!(fault("-1", "what"), Trouble::Refused("what (code -1)".to_owned()));
}

#[test]
fn what_is_no_answer_is_malformed() {
    let malformed = |text: &str| match body(200, None, text.as_bytes(), "getUser") {
        Err(Trouble::Malformed(why)) => why,
        other => panic!("{text}: {other:?}"),
    };
    assert!(malformed("busy").contains("not XML"));
    assert!(malformed("<html/>").contains("html"));
    assert!(malformed("<Envelope/>").contains("SOAP"));
    assert!(malformed(&format!("<e:Envelope xmlns:e='{SOAP}'/>")).contains("no SOAP body"));
    assert!(malformed(&soap("")).contains("empty"));
    assert!(malformed(&soap("<n:listUserResponse/>")).contains("rather than getUserResponse"));
    assert!(malformed("<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>").contains("document type"));
}

#[test]
fn a_user_is_read_whatever_the_prefixes() {
    let tags = "<firstName>花子</firstName><displayName/><lastName>山田</lastName><userid> hanako </userid><mailid>hanako@example.com</mailid>\
        <userLocale>Japanese Japan</userLocale><status>1</status><homeCluster>T</homeCluster><imAndPresenceEnable>true</imAndPresenceEnable>\
        <directoryUri>hanako@example.com</directoryUri><telephoneNumber>03-1234-5678</telephoneNumber><mobileNumber>5123</mobileNumber><new>x</new>";
    let found = one(&config(), &format!("uuid='{UUID}'"), tags).unwrap().unwrap();
    assert_eq!(
        (found.key.as_str(), found.name.as_str(), found.enabled),
        ("0a1b2c3d-0000-1111-2222-333344445555", "hanako", true)
    );
    assert_eq!((found.profile.display_name.as_str(), found.profile.language.as_deref()), ("花子 山田", Some("ja")));
    assert_eq!(found.profile.numbers, [Number { kind: NumberKind::Work, number: "+81312345678".to_owned() }]);
    // Children in the default namespace, as some servers write them.
    let text = soap(&format!(
        "<listUserResponse xmlns='http://www.cisco.com/AXL/API/14.0'><return><user uuid='{UUID}'>{tags}</user></return></listUserResponse>"
    ));
    let answer = body(200, None, format!("\u{feff}{text}").as_bytes(), "listUser").unwrap();
    assert_eq!(user(&config(), users(&answer).next().unwrap()).unwrap().unwrap(), found);
    assert_eq!(users(&answered("listUser", "<return/>").unwrap()).count(), 0);
    assert_eq!(users(&answered("listUser", "").unwrap()).count(), 0);
}

#[test]
fn who_is_read_is_a_rule_and_who_cannot_be_read_says_why() {
    let uuid = format!("uuid='{UUID}'");
    let flags = |home: &str, im: &str| {
        format!("<userid>a</userid><homeCluster>{home}</homeCluster><imAndPresenceEnable>{im}</imAndPresenceEnable>")
    };
    for (include, home, im, expected) in [
        (Include::Enabled, "true", "1", true),
        (Include::Enabled, "true", "false", false),
        (Include::Enabled, "f", "t", false),
        (Include::Enabled, "", "", false),
        (Include::Home, "true", "false", true),
        (Include::Home, "0", "true", false),
        (Include::All, "false", "false", true),
    ] {
        let config = AxlConfig { users: include, ..config() };
        assert_eq!(one(&config, &uuid, &flags(home, im)).unwrap().is_some(), expected, "{include:?} {home} {im}");
    }
    let inactive = one(&config(), &uuid, &(flags("true", "true") + "<status>0</status>")).unwrap().unwrap();
    assert!(!inactive.enabled);
    let why = |attributes: &str, tags: &str| one(&config(), attributes, tags).unwrap_err();
    let key = Some("0a1b2c3d-0000-1111-2222-333344445555".to_owned());
    assert_eq!(why("", &flags("t", "t")), (None, "it has no uuid".to_owned()));
    assert_eq!(why("uuid='{1}'", &flags("t", "t")), (None, "it has no uuid".to_owned()));
    assert_eq!(why(&uuid, "<userid/>"), (key.clone(), "it has no userid".to_owned()));
    assert_eq!(why(&uuid, "<userid>a</userid>"), (key.clone(), "it says nothing about homeCluster".to_owned()));
    assert_eq!(why(&uuid, &flags("maybe", "t")), (key.clone(), "its homeCluster is not understood".to_owned()));
    let status = flags("t", "t") + "<status>dead</status>";
    assert_eq!(why(&uuid, &status), (key, "its status is not understood".to_owned()));
}

#[test]
fn the_change_queue_is_read_whole_or_not_at_all() {
    let info = "<queueInfo><firstChangeId>1</firstChangeId><lastChangeId>9</lastChangeId><nextStartChangeId>5</nextStartChangeId>\
        <queueId>q1</queueId></queueInfo>";
    let change = |attributes: &str, action: &str| format!("<change {attributes}><id>1</id><action>{action}</action></change>");
    let user = format!("type='User' uuid='{UUID}'");
    let list = [change(&user, "a"), change("type='Phone' uuid='x'", "u"), change(&user, "r")].concat();
    let page = changes(&answered("listChange", &format!("{info}<changes>{list}</changes>")).unwrap()).unwrap();
    let key = "0a1b2c3d-0000-1111-2222-333344445555".to_owned();
    assert_eq!((page.queue.as_str(), page.last, page.next), ("q1", 9, 5));
    assert_eq!(page.changes, [(key.clone(), true), (key, false)]);
    for broken in [
        String::new(),
        "<queueInfo/>".to_owned(),
        format!("{info}<changes>{}</changes>", change("type='User' uuid='x'", "a")),
        format!("{info}<changes>{}</changes>", change(&user, "z")),
        info.replace('9', "many"),
    ] {
        assert!(changes(&answered("listChange", &broken).unwrap()).is_err(), "{broken}");
    }
}

#[test]
fn values_are_cut_at_their_limit() {
    let cut = |n: usize| {
        let tags = format!(
            "<userid>a</userid><homeCluster>t</homeCluster><imAndPresenceEnable>t</imAndPresenceEnable><title>{}</title>",
            "あ".repeat(n)
        );
        one(&config(), &format!("uuid='{UUID}'"), &tags).unwrap().unwrap().profile.title.chars().count()
    };
    assert_eq!((cut(255), cut(256)), (255, 255));
}

proptest! {
    #[test]
    fn nearly_axl_never_panics(text in "(<(n:)?(return|user|userid|queueInfo|queueId|lastChangeId|nextStartChangeId|changes|change|action|axlcode|componentVersion|version|homeCluster)( uuid='\\{?[0-9A-F-]{0,40}\\}?')?/?>|</(n:)?[a-zA-Z]{4,12}>|[0-9aru-]{0,12}){0,14}") {
        for inside in [text.clone(), format!("<n:listUserResponse>{text}</n:listUserResponse>"), format!("<e:Fault>{text}</e:Fault>")] {
            if let Ok(answer) = body(200, None, soap(&inside).as_bytes(), "listUser") {
                let _ = (changes(&answer), ccm_version(&answer));
                for row in users(&answer) {
                    let _ = user(&config(), row);
                }
            }
        }
    }
}
