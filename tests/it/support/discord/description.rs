//! Reads the OpenAPI description and compiles the schemas of the served routes.

use std::collections::{BTreeMap, BTreeSet};

use jsonschema::{Registry, Validator};
use serde_json::{Value, json};

use super::routes::ROUTES;

/// Where the description is while schemas refer to it; nothing is ever fetched from there.
const DOCUMENT: &str = "json-schema:///discord";

/// One route: what may be asked, what may be sent, what is answered.
pub struct Operation {
    pub query: BTreeMap<String, Parameter>,
    pub body: Option<Body>,
    /// By status as the description writes it, `4XX` included; no schema where no body is described.
    pub answers: BTreeMap<String, Option<Validator>>,
}

/// A query parameter.
pub struct Parameter {
    pub repeats: bool,
    /// `integer`, `boolean` or `string`: what a text is read as before it is validated.
    pub kind: String,
    pub schema: Validator,
}

/// The JSON body of a request, or of the message in its form.
pub struct Body {
    /// The media types that are taken.
    pub kinds: BTreeSet<String>,
    pub schema: Validator,
    /// Discord ignores fields it does not know; a client that sends one has misspelt it.
    pub fields: BTreeSet<String>,
}

/// The operations of the served routes. Panics on a description that does not have them.
pub fn compile(document: &Value) -> BTreeMap<&'static str, Operation> {
    let registry = Registry::new().add(DOCUMENT, document);
    let registry = registry.expect("the description has a place").prepare();
    let registry = registry.expect("the references of the description resolve");
    let compiler = Compiler {
        document,
        registry: &registry,
    };
    ROUTES
        .map(|route| (route, compiler.operation(route)))
        .into()
}

/// Compiles schemas that lie inside the one document.
struct Compiler<'a> {
    document: &'a Value,
    registry: &'a Registry<'a>,
}

impl Compiler<'_> {
    fn operation(&self, route: &str) -> Operation {
        let (method, path) = route.split_once(' ').unwrap_or_default();
        let path = path.replace('/', "~1");
        let place = format!("/paths/{path}/{}", method.to_lowercase());
        let operation = self.at(&place);

        let list = operation["parameters"].as_array().map_or(0, Vec::len);
        let parameters =
            (0..list).map(|index| self.parameter(&format!("{place}/parameters/{index}")));
        let answers = operation["responses"].as_object().into_iter().flatten();
        let answers = answers.map(|(status, _)| {
            let place = self.follow(&format!("{place}/responses/{status}"));
            (status.clone(), self.json_schema(&place))
        });
        let body = format!("{place}/requestBody");
        Operation {
            query: parameters.collect(),
            answers: answers.collect(),
            body: self.json_schema(&body).map(|schema| Body {
                schema,
                kinds: self.kinds(&body),
                fields: self.fields(&format!("{body}/content/application~1json/schema")),
            }),
        }
    }

    fn parameter(&self, place: &str) -> (String, Parameter) {
        let name = self.at(place)["name"].as_str().unwrap_or_default();
        let schema = self.follow(&format!("{place}/schema"));
        let repeats = self.at(&schema)["type"] == "array";
        let item = match repeats {
            true => self.follow(&format!("{schema}/items")),
            false => schema.clone(),
        };
        let kind = self.at(&item)["type"]
            .as_str()
            .unwrap_or("string")
            .to_owned();
        let schema = self.validator(&schema);
        let parameter = Parameter {
            repeats,
            kind,
            schema,
        };
        (name.to_owned(), parameter)
    }

    /// The schema of the JSON content at that place, if there is one.
    fn json_schema(&self, place: &str) -> Option<Validator> {
        let schema = format!("{place}/content/application~1json/schema");
        self.document.pointer(&schema)?;
        Some(self.validator(&schema))
    }

    fn kinds(&self, body: &str) -> BTreeSet<String> {
        let kinds = self.at(&format!("{body}/content")).as_object();
        let kinds = kinds.into_iter().flatten();
        kinds.map(|(kind, _)| kind.clone()).collect()
    }

    /// The fields of an object, or of any of the objects that may stand there.
    fn fields(&self, schema: &str) -> BTreeSet<String> {
        let place = self.follow(schema);
        let schema = self.at(&place);
        let own = schema["properties"].as_object().into_iter().flatten();
        let own = own.map(|(name, _)| name.clone());
        let choices = schema["anyOf"].as_array().map_or(0, Vec::len);
        let others = (0..choices).flat_map(|at| self.fields(&format!("{place}/anyOf/{at}")));
        own.chain(others).collect()
    }

    fn validator(&self, place: &str) -> Validator {
        // A JSON pointer inside a URI: braces have to be written otherwise there.
        let fragment = place.replace('{', "%7B").replace('}', "%7D");
        jsonschema::options()
            .with_draft(jsonschema::Draft::Draft202012)
            .with_registry(self.registry)
            .should_validate_formats(true)
            .build(&json!({"$ref": format!("{DOCUMENT}#{fragment}")}))
            .unwrap_or_else(|error| panic!("the schema at {place} does not compile: {error}"))
    }

    /// The place itself, or the one that a `$ref` there leads to.
    fn follow(&self, place: &str) -> String {
        match self.at(place)["$ref"].as_str() {
            Some(target) => self.follow(target.trim_start_matches('#')),
            None => place.to_owned(),
        }
    }

    fn at(&self, place: &str) -> &Value {
        self.document
            .pointer(place)
            .unwrap_or_else(|| panic!("the description has nothing at {place}"))
    }
}
