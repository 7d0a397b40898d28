//! The OpenAPI document, read once, as the page shows it.

use crate::api::openapi;
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;
use std::sync::LazyLock;

/// Schemas of schemas that an example goes into.
const DEPTH: usize = 6;

pub struct Tag {
    pub name: String,
    pub description: String,
}

pub struct Operation {
    pub id: String,
    pub tag: String,
    pub method: String,
    /// Template: `/api/v1/users/{name}`.
    pub path: String,
    pub summary: String,
    pub description: String,
    /// `users:read`, or `none`.
    pub right: String,
    pub parameters: Vec<Parameter>,
    pub body: Option<RequestBody>,
    pub answers: Vec<Answer>,
    /// The named schemas of body and answers, the body's first.
    pub schemas: Vec<Schema>,
    /// The body may hold a password, which no page shows again.
    pub holds_secrets: bool,
    example: Option<Value>,
}

pub struct Parameter {
    pub name: String,
    pub in_path: bool,
    pub required: bool,
    pub kind: String,
    pub description: String,
}

pub struct RequestBody {
    pub media: String,
    pub required: bool,
    pub kind: String,
    /// What a form begins with.
    first: String,
}

pub struct Answer {
    pub status: String,
    pub description: String,
    pub kind: String,
}

pub struct Schema {
    pub name: String,
    pub fields: Vec<FieldOf>,
}

pub struct FieldOf {
    pub name: String,
    pub kind: String,
    pub required: bool,
    pub description: String,
}

impl Parameter {
    /// The name of its field in the form.
    pub fn field(&self) -> String {
        format!("{}.{}", if self.in_path { "path" } else { "query" }, self.name)
    }
}

impl Operation {
    /// Needs no sign-in.
    pub fn is_open(&self) -> bool {
        self.right == "none"
    }

    /// Makes or ends the session of a browser, which has pages of its own.
    pub fn is_of_a_browser(&self) -> bool {
        self.is_open() || self.id == "session.sign-out"
    }

    pub fn first_body(&self) -> String {
        self.body.as_ref().map_or_else(String::new, |body| body.first.clone())
    }

    /// A command line that does it.
    pub fn curl(&self) -> String {
        let mut text = "curl --cacert ca.pem".to_owned();
        if self.method != "GET" {
            text.push_str(&format!(" -X {}", self.method));
        }
        if !self.is_open() {
            text.push_str(" \\\n  -H \"Authorization: Bearer $TOKEN\"");
        }
        if let Some(body) = &self.body {
            text.push_str(&format!(" \\\n  -H 'Content-Type: {}'", body.media));
            match &self.example {
                Some(example) => text.push_str(&format!(" \\\n  -d '{}'", format!("{example:#}").replace('\'', "'\\''"))),
                None => text.push_str(" \\\n  --data-binary @users.csv"),
            }
        }
        format!("{text} \\\n  \"https://$NODE{}\"", self.path)
    }
}

static DOCUMENT: LazyLock<Value> = LazyLock::new(|| serde_json::to_value(openapi()).unwrap_or_default());
static TAGS: LazyLock<Vec<Tag>> = LazyLock::new(|| {
    let tag = |tag: &Value| Tag { name: text(&tag["name"]), description: text(&tag["description"]) };
    list(&DOCUMENT["tags"]).iter().map(tag).collect()
});
static OPERATIONS: LazyLock<Vec<Operation>> = LazyLock::new(|| {
    let paths = DOCUMENT["paths"].as_object().into_iter().flatten();
    let known = ["get", "post", "put", "patch", "delete"];
    let of = |(path, item): (&String, &'static Value)| {
        let path = path.clone();
        let methods = known.into_iter().filter_map(move |method| Some((method, item.get(method)?)));
        methods.map(move |(method, it)| operation(&path, method, it)).collect::<Vec<_>>()
    };
    paths.flat_map(of).collect()
});

pub fn tags() -> &'static [Tag] {
    &TAGS
}

/// All of them, by path.
pub fn operations() -> &'static [Operation] {
    &OPERATIONS
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn list(value: &'static Value) -> &'static [Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn operation(path: &str, method: &str, it: &'static Value) -> Operation {
    let content = it["requestBody"]["content"].as_object().and_then(|content| content.iter().next());
    let body_schema = content.map(|(_, content)| &content["schema"]);
    let example = content.filter(|(media, _)| *media == "application/json").map(|(_, c)| example(&c["schema"], "", true, DEPTH));
    let body = content.map(|(media, content)| RequestBody {
        media: media.clone(),
        required: it["requestBody"]["required"] == true,
        kind: kind(&content["schema"]),
        first: if media == "application/json" {
            format!("{:#}", self::example(&content["schema"], "", false, DEPTH))
        } else {
            String::new()
        },
    });
    let responses = it["responses"].as_object().into_iter().flatten();
    let answers: Vec<Answer> = responses.clone().map(|(status, answer)| one_answer(status, answer)).collect();
    let mut names = Vec::new();
    body_schema.into_iter().for_each(|schema| collect(schema, &mut names));
    responses.for_each(|(_, answer)| collect(&answer["content"]["application/json"]["schema"], &mut names));
    let secrets = body_schema.is_some_and(holds_password);
    Operation {
        id: text(&it["operationId"]),
        tag: text(&it["tags"][0]),
        method: method.to_uppercase(),
        path: path.to_owned(),
        summary: text(&it["summary"]),
        description: text(&it["description"]),
        right: text(&it["x-right"]),
        parameters: list(&it["parameters"]).iter().map(parameter).collect(),
        body,
        answers,
        schemas: names.iter().flat_map(|name| schemas(name)).collect(),
        holds_secrets: secrets,
        example,
    }
}

fn parameter(it: &Value) -> Parameter {
    Parameter {
        name: text(&it["name"]),
        in_path: it["in"] == "path",
        required: it["required"] == true,
        kind: kind(&it["schema"]),
        description: text(&it["description"]),
    }
}

fn one_answer(status: &str, it: &Value) -> Answer {
    let schema = &it["content"]["application/json"]["schema"];
    let kind = if schema.is_null() { "–".to_owned() } else { kind(schema) };
    Answer { status: status.to_owned(), description: text(&it["description"]), kind }
}

fn name_of(schema: &Value) -> Option<&str> {
    schema["$ref"].as_str()?.rsplit('/').next()
}

fn resolved(schema: &Value) -> &Value {
    name_of(schema).map_or(schema, |name| &DOCUMENT["components"]["schemas"][name])
}

/// A type in a few words: `string`, `integer | null`, `UserView[]`, `"up" | "down"`.
fn kind(schema: &Value) -> String {
    if let Some(name) = name_of(schema) {
        return name.to_owned();
    }
    if let Some(words) = schema["enum"].as_array() {
        return words.iter().map(Value::to_string).collect::<Vec<_>>().join(" | ");
    }
    for choice in ["oneOf", "anyOf", "allOf"] {
        if let Some(choices) = schema[choice].as_array() {
            let join = if choice == "allOf" { " & " } else { " | " };
            return choices.iter().map(kind).collect::<Vec<_>>().join(join);
        }
    }
    match &schema["type"] {
        Value::Array(types) => types.iter().map(|one| named(one, schema)).collect::<Vec<_>>().join(" | "),
        Value::Null => "any".to_owned(),
        one => named(one, schema),
    }
}

fn named(one: &Value, schema: &Value) -> String {
    match one.as_str().unwrap_or("any") {
        "array" => format!("{}[]", kind(&schema["items"])),
        "object" if schema["additionalProperties"].is_object() => {
            format!("{{ string: {} }}", kind(&schema["additionalProperties"]))
        }
        other => other.to_owned(),
    }
}

/// Every schema that this one names, itself first, each once.
fn collect(schema: &'static Value, names: &mut Vec<String>) {
    if let Some(name) = name_of(schema) {
        if !names.iter().any(|known| known == name) {
            names.push(name.to_owned());
            collect(resolved(schema), names);
        }
        return;
    }
    match schema {
        Value::Object(parts) => parts.values().for_each(|part| collect(part, names)),
        Value::Array(parts) => parts.iter().for_each(|part| collect(part, names)),
        _ => {}
    }
}

fn holds_password(schema: &'static Value) -> bool {
    let mut names = Vec::new();
    collect(schema, &mut names);
    names.iter().any(|name| name == "Password")
}

/// The tables of a named schema: one, or one for each kind that it can be. None for what has no fields.
fn schemas(name: &str) -> Vec<Schema> {
    let schema = &DOCUMENT["components"]["schemas"][name];
    let Some(choices) = schema["oneOf"].as_array() else {
        let table = Schema { name: name.to_owned(), fields: fields(schema) };
        return if table.fields.is_empty() { Vec::new() } else { vec![table] };
    };
    let one = |choice: &Value| {
        let word = choice["properties"]["kind"]["enum"][0].as_str();
        Schema { name: word.map_or_else(|| name.to_owned(), |word| format!("{name}: {word}")), fields: fields(choice) }
    };
    choices.iter().map(one).filter(|table| !table.fields.is_empty()).collect()
}

fn fields(schema: &Value) -> Vec<FieldOf> {
    let required: BTreeSet<&str> = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let field = |(name, it): (&String, &Value)| FieldOf {
        name: name.clone(),
        kind: kind(it),
        required: required.contains(name.as_str()),
        description: text(&it["description"]),
    };
    let mut all: Vec<FieldOf> = schema["properties"].as_object().into_iter().flatten().map(field).collect();
    if let Some(parts) = schema["allOf"].as_array() {
        all.extend(parts.iter().flat_map(|part| fields(resolved(part))));
    }
    all
}

/// A value that fits; `whole`: with what may be left out.
fn example(schema: &Value, name: &str, whole: bool, depth: usize) -> Value {
    let schema = resolved(schema);
    if let Some(words) = schema["enum"].as_array() {
        return words.first().cloned().unwrap_or_default();
    }
    for choice in ["oneOf", "anyOf"] {
        if let Some(choices) = schema[choice].as_array() {
            let usable = choices.iter().find(|one| one["type"] != "null");
            return usable.map_or(Value::Null, |one| example(one, name, whole, depth));
        }
    }
    let kind = schema["type"].as_array().and_then(|types| types.first()).unwrap_or(&schema["type"]);
    match kind.as_str() {
        Some("string") => json!(example_text(name)),
        Some("boolean") => json!(true),
        Some("integer" | "number") => json!(schema["minimum"].as_i64().unwrap_or(1).max(1)),
        Some("array") if depth > 0 => json!([example(&schema["items"], name, whole, depth - 1)]),
        Some("object") if depth > 0 => example_object(schema, whole, depth),
        Some("array") => json!([]),
        Some("object") => json!({}),
        _ => Value::Null,
    }
}

fn example_object(schema: &Value, whole: bool, depth: usize) -> Value {
    let needed = |name: &str| schema["required"].as_array().is_some_and(|all| all.iter().any(|one| one == name));
    let properties = schema["properties"].as_object().into_iter().flatten();
    let wanted = properties.filter(|(name, _)| whole || needed(name));
    Value::Object(wanted.map(|(name, it)| (name.clone(), example(it, name, whole, depth - 1))).collect::<Map<_, _>>())
}

fn example_text(name: &str) -> &'static str {
    match name {
        "name" | "user" | "users" | "keep" | "given_name" | "admin" => "taro",
        "mail" | "directory_uri" => "taro@example.com",
        "display_name" => "山田 太郎",
        "url" => "https://mail.example.com/",
        "telephone" | "number" => "+81312345678",
        "language" => "ja",
        "at" | "from" | "to" => "2027-01-31T22:00:00Z",
        "scopes" => "users:read",
        _ => "…",
    }
}
