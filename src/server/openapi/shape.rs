//! What is told about a route: its name, what it takes and what it answers.

use serde_json::{Map, Value, json};
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::Schema;
use utoipa::{PartialSchema, ToSchema};

type Schemas = Vec<(String, RefOr<Schema>)>;

/// The schema of an api type under its name.
#[derive(Debug, Clone)]
pub(super) struct Shape {
    name: &'static str,
    schema: fn() -> RefOr<Schema>,
    nested: fn(&mut Schemas),
    rows: Vec<Self>,
}

impl Shape {
    /// The schema of `T`.
    pub(super) fn of<T: ToSchema + PartialSchema>(name: &'static str) -> Self {
        Self { name, schema: T::schema, nested: T::schemas, rows: Vec::new() }
    }

    /// The same as a list of rows of this shape.
    pub(super) fn listing(mut self, row: Self) -> Self {
        self.rows.push(row);
        self
    }

    /// Its name among the schemas.
    pub(super) const fn name(&self) -> &'static str {
        self.name
    }

    /// A reference to it.
    pub(super) fn reference(&self) -> Value {
        json!({"$ref": format!("#/components/schemas/{}", self.name)})
    }

    /// Adds it, and everything that it refers to.
    pub(super) fn collect(&self, schemas: &mut Map<String, Value>) {
        self.rows.iter().for_each(|row| row.collect(schemas));
        let mut nested = Schemas::new();
        (self.nested)(&mut nested);
        nested.push((self.name.to_owned(), (self.schema)()));
        for (name, schema) in nested {
            if !schemas.contains_key(&name) {
                schemas.insert(name, serde_json::to_value(schema).unwrap_or_default());
            }
        }
    }
}

/// What a route answers when nothing is wrong.
#[derive(Debug, Clone)]
pub(super) enum Answer {
    /// JSON of a type.
    Json(Shape),
    /// Some JSON object.
    Object,
    /// Text of a media type.
    Text(&'static str),
    /// No body.
    Nothing,
}

/// A parameter of the query.
#[derive(Debug, Clone)]
pub(super) struct Parameter {
    name: &'static str,
    what: &'static str,
    schema: Value,
}

impl Parameter {
    /// Its name.
    pub(super) const fn name(&self) -> &'static str {
        self.name
    }

    pub(super) fn json(&self) -> Value {
        json!({"name": self.name, "in": "query", "required": false, "description": self.what, "schema": self.schema})
    }
}

/// A number of something.
pub(super) fn id(name: &'static str, what: &'static str) -> Parameter {
    Parameter { name, what, schema: json!({"type": "integer", "format": "int64"}) }
}

/// A number from 1 to `most`.
pub(super) fn upto(name: &'static str, what: &'static str, most: u32) -> Parameter {
    Parameter { name, what, schema: json!({"type": "integer", "minimum": 1, "maximum": most}) }
}

/// A status.
pub(super) fn status(name: &'static str, what: &'static str) -> Parameter {
    Parameter { name, what, schema: json!({"type": "integer", "minimum": 0, "maximum": 65_535}) }
}

/// One of a closed set.
pub(super) fn names<const N: usize>(name: &'static str, what: &'static str, names: [&'static str; N]) -> Parameter {
    Parameter { name, what, schema: json!({"type": "string", "enum": names.to_vec()}) }
}

/// A time.
pub(super) fn time(name: &'static str, what: &'static str) -> Parameter {
    Parameter { name, what, schema: json!({"type": "string", "format": "date-time"}) }
}

/// Text of 1 to 200 characters.
pub(super) fn text(name: &'static str, what: &'static str) -> Parameter {
    Parameter { name, what, schema: json!({"type": "string", "minLength": 1, "maxLength": 200}) }
}

/// What is told about a route.
#[derive(Debug, Clone)]
pub(super) struct Told {
    pub(super) method: &'static str,
    pub(super) path: &'static str,
    pub(super) id: &'static str,
    pub(super) summary: &'static str,
    pub(super) query: Vec<Parameter>,
    /// The body with an example of it.
    pub(super) body: Option<(Shape, &'static str)>,
    /// What a body that is taken byte by byte is, in words.
    pub(super) octets: Option<&'static str>,
    pub(super) answers: Vec<(u16, Answer)>,
    /// Whether it can be asked for again under a name of the caller's.
    pub(super) repeats: Repeats,
}

/// Whether a route knows `Idempotency-Key`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Repeats {
    /// It does not.
    Plain,
    /// A second call under the same name gets the first one's answer.
    Named,
}

impl Told {
    /// The types that it speaks of.
    pub(super) fn shapes(&self) -> impl Iterator<Item = &Shape> {
        let answers = self.answers.iter().filter_map(|(_, answer)| match answer {
            Answer::Json(shape) => Some(shape),
            Answer::Object | Answer::Text(_) | Answer::Nothing => None,
        });
        self.body.iter().map(|(shape, _)| shape).chain(answers)
    }

    /// A route that reads.
    pub(super) fn get(path: &'static str, id: &'static str, summary: &'static str, answer: Answer) -> Self {
        Self {
            method: "GET",
            path,
            id,
            summary,
            query: Vec::new(),
            body: None,
            octets: None,
            answers: vec![(200, answer)],
            repeats: Repeats::Plain,
        }
    }

    /// A route that changes something.
    pub(super) fn post(path: &'static str, id: &'static str, summary: &'static str, answer: Answer) -> Self {
        Self { method: "POST", ..Self::get(path, id, summary, answer) }
    }

    /// With these parameters of the query.
    pub(super) fn asked(mut self, query: impl IntoIterator<Item = Parameter>) -> Self {
        self.query.extend(query);
        self
    }

    /// With a body.
    pub(super) fn taking(self, body: Shape, example: &'static str) -> Self {
        Self { body: Some((body, example)), ..self }
    }

    /// With a body that is taken byte by byte.
    pub(super) fn taking_octets(self, what: &'static str) -> Self {
        Self { octets: Some(what), ..self }
    }

    /// With another method.
    pub(super) fn by(self, method: &'static str) -> Self {
        Self { method, ..self }
    }

    /// Answering 201 instead of 200.
    pub(super) fn creating(self) -> Self {
        self.answering(201)
    }

    /// Answering 201 with the same where something was made.
    pub(super) fn maybe_creating(mut self) -> Self {
        let created: Vec<_> = self.answers.iter().map(|(_, answer)| (201, answer.clone())).collect();
        self.answers.extend(created);
        self
    }

    /// Known by `Idempotency-Key`.
    pub(super) fn repeatable(self) -> Self {
        Self { repeats: Repeats::Named, ..self }
    }

    /// Answering 202: it is done later.
    pub(super) fn accepting(self) -> Self {
        self.answering(202)
    }

    fn answering(mut self, with: u16) -> Self {
        for (status, _) in &mut self.answers {
            *status = with;
        }
        self
    }

    /// A page of a list, by cursor.
    pub(super) fn paged(self) -> Self {
        let cursor = Parameter {
            name: "cursor",
            what: "As it was answered, with the same filters",
            schema: json!({"type": "string", "minLength": 1}),
        };
        self.asked([cursor, upto("limit", "Rows at most; 50 if absent", 200)])
    }
}
