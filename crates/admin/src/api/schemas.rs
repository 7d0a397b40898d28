//! Schemas that say what the code does, where the annotations alone would say something else.

use std::collections::BTreeMap;
use utoipa::openapi::path::Operation;
use utoipa::openapi::schema::{AllOf, Object};
use utoipa::openapi::{Content, RefOr, Required, Schema};

type Schemas = BTreeMap<String, RefOr<Schema>>;

/// What a `$ref` to a schema begins with.
const PLACE: &str = "#/components/schemas/";

/// Joins the parts of a choice that a tag decides (`"kind": "ews"`). Each part by itself refuses the fields of the other, so
/// that nothing would be valid (JSON Schema 2020-12 §10.3.2.3: `additionalProperties` sees its own object only).
pub(super) fn join_tagged(schemas: &mut Schemas) {
    let known = schemas.clone();
    for schema in schemas.values_mut() {
        let RefOr::T(Schema::OneOf(choice)) = schema else { continue };
        for item in &mut choice.items {
            if let RefOr::T(Schema::AllOf(parts)) = item
                && let Some(whole) = joined(&known, parts)
            {
                *item = RefOr::T(Schema::Object(whole));
            }
        }
    }
}

fn joined(schemas: &Schemas, parts: &AllOf) -> Option<Object> {
    let mut objects = parts.items.iter().map(|part| object(schemas, part));
    let mut whole = objects.next()??.clone();
    for part in objects {
        let part = part?;
        whole.properties.extend(part.properties.clone());
        whole.required.extend(part.required.iter().cloned());
    }
    Some(whole)
}

fn object<'a>(schemas: &'a Schemas, schema: &'a RefOr<Schema>) -> Option<&'a Object> {
    match schema {
        RefOr::T(Schema::Object(object)) => Some(object),
        RefOr::Ref(reference) => object(schemas, schemas.get(reference.ref_location.strip_prefix(PLACE)?)?),
        RefOr::T(_) => None,
    }
}

/// A body that asks for nothing may be left out: it counts as `{}`.
pub(super) fn optional_body(schemas: &Schemas, operation: &mut Operation) {
    let Some(RefOr::T(body)) = &mut operation.request_body else { return };
    let lacks_nothing = |content: &RefOr<Content>| match content {
        RefOr::T(Content { schema: Some(schema), .. }) => {
            object(schemas, schema).is_some_and(|object| object.required.is_empty())
        }
        _ => false,
    };
    if body.content.values().all(lacks_nothing) {
        body.required = Some(Required::False);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    fn document() -> Value {
        serde_json::to_value(crate::api::openapi()).unwrap()
    }

    #[test]
    fn a_gateway_s_configuration_is_one_object_with_its_kind() {
        let document = document();
        let choices = document["components"]["schemas"]["GatewayConfig"]["oneOf"].as_array().unwrap();
        for (choice, kind) in choices.iter().zip(["ews", "caldav"]) {
            assert_eq!(choice["properties"]["kind"]["enum"], json!([kind]), "{choice}");
            assert!(choice["properties"]["url"].is_object() && choice["additionalProperties"] == json!(false), "{choice}");
            assert!(choice["required"].as_array().unwrap().contains(&json!("kind")), "{choice}");
        }
        assert!(document["components"]["schemas"]["DirectoryService"]["oneOf"][1]["properties"]["servers"].is_object());
    }

    #[test]
    fn a_body_may_be_left_out_where_it_asks_for_nothing() {
        let document = document();
        let required = |path: &str, method: &str| document["paths"][path][method]["requestBody"]["required"].clone();
        assert_eq!(required("/api/v1/gateways/{name}/test", "post"), json!(false));
        assert_eq!(required("/api/v1/settings", "put"), json!(false));
        assert_eq!(required("/api/v1/users", "post"), json!(true));
        assert_eq!(required("/api/v1/gateways", "post"), json!(true));
    }
}
