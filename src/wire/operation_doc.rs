//! Descriptions of routes for the OpenAPI document: operation id, parameters, body and success responses.

use serde_json::{Map, Value, json};
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::Schema;
use utoipa::{PartialSchema, ToSchema};

/// Names the schema of a wire type.
macro_rules! shape {
    ($row:ty) => {
        $crate::wire::operation_doc::NamedSchema::of::<$row>(stringify!($row))
    };
}
pub(crate) use shape;

type NestedSchemas = Vec<(String, RefOr<Schema>)>;

/// Named schema of a wire type.
#[derive(Debug, Clone)]
pub(crate) struct NamedSchema {
    name: &'static str,
    schema: fn() -> RefOr<Schema>,
    nested: fn(&mut NestedSchemas),
    rows: Vec<Self>,
}

impl NamedSchema {
    /// Returns the schema of `T` under `name`.
    pub(crate) fn of<T: ToSchema + PartialSchema>(name: &'static str) -> Self {
        Self { name, schema: T::schema, nested: T::schemas, rows: Vec::new() }
    }

    /// Adds the schema of the rows, for a type that is a list.
    pub(crate) fn with_rows(mut self, row: Self) -> Self {
        self.rows.push(row);
        self
    }

    /// Returns the name under which the document lists the schema.
    pub(crate) const fn name(&self) -> &'static str {
        self.name
    }

    /// Returns a reference to the schema in the document.
    pub(crate) fn reference(&self) -> Value {
        json!({"$ref": format!("#/components/schemas/{}", self.name)})
    }

    /// Adds the schema, and every schema that it refers to, to `schemas`.
    pub(crate) fn collect_into(&self, schemas: &mut Map<String, Value>) {
        self.rows.iter().for_each(|row| row.collect_into(schemas));
        let mut nested = NestedSchemas::new();
        (self.nested)(&mut nested);
        nested.push((self.name.to_owned(), (self.schema)()));
        for (name, schema) in nested {
            if !schemas.contains_key(&name) {
                schemas.insert(name, serde_json::to_value(schema).unwrap_or_default());
            }
        }
    }
}

/// Body of a success response.
#[derive(Debug, Clone)]
pub(crate) enum ResponseBody {
    /// JSON of a wire type.
    Json(NamedSchema),
    /// JSON object without a schema.
    Object,
    /// Text of the given media type.
    Text(&'static str),
    /// No body at all, as with 204.
    Empty,
}

/// Success response of a route: its status, a description of what it contains, and its body.
#[derive(Debug, Clone)]
pub(crate) struct SuccessResponse {
    pub(crate) status: u16,
    pub(crate) description: &'static str,
    pub(crate) answer: ResponseBody,
}

/// Query parameter of a route.
#[derive(Debug, Clone)]
pub(crate) struct QueryParameter {
    name: &'static str,
    description: &'static str,
    schema: Value,
}

impl QueryParameter {
    /// Returns the name of the parameter.
    pub(crate) const fn name(&self) -> &'static str {
        self.name
    }

    pub(crate) fn json(&self) -> Value {
        json!({"name": self.name, "in": "query", "required": false, "description": self.description, "schema": self.schema})
    }
}

/// Describes a parameter that is the number of an object.
pub(crate) fn id(name: &'static str, what: &'static str) -> QueryParameter {
    QueryParameter { name, description: what, schema: json!({"type": "integer", "format": "int64"}) }
}

/// Describes a parameter that is a number from 1 to `most`.
pub(crate) fn number_up_to(name: &'static str, what: &'static str, most: u32) -> QueryParameter {
    QueryParameter { name, description: what, schema: json!({"type": "integer", "minimum": 1, "maximum": most}) }
}

/// Describes a parameter that is an HTTP status.
pub(crate) fn status(name: &'static str, what: &'static str) -> QueryParameter {
    QueryParameter { name, description: what, schema: json!({"type": "integer", "minimum": 0, "maximum": 65_535}) }
}

/// Describes a parameter that is one of a closed set of names.
pub(crate) fn names<const N: usize>(
    name: &'static str,
    what: &'static str,
    names: [&'static str; N],
) -> QueryParameter {
    QueryParameter { name, description: what, schema: json!({"type": "string", "enum": names.to_vec()}) }
}

/// Describes a parameter that is a point in time.
pub(crate) fn time(name: &'static str, what: &'static str) -> QueryParameter {
    QueryParameter { name, description: what, schema: json!({"type": "string", "format": "date-time"}) }
}

/// Describes a parameter that is a text of 1 to 200 characters.
pub(crate) fn text(name: &'static str, what: &'static str) -> QueryParameter {
    QueryParameter { name, description: what, schema: json!({"type": "string", "minLength": 1, "maxLength": 200}) }
}

/// Description of a route for the OpenAPI document.
#[derive(Debug, Clone)]
pub(crate) struct OperationDoc {
    pub(crate) method: &'static str,
    pub(crate) path: &'static str,
    pub(crate) operation_id: &'static str,
    pub(crate) summary: &'static str,
    pub(crate) query: Vec<QueryParameter>,
    /// JSON body of the request, with an example.
    pub(crate) body: Option<(NamedSchema, &'static str)>,
    /// Description of a body of raw bytes.
    pub(crate) raw_body: Option<&'static str>,
    /// Success responses, one per status.
    pub(crate) successes: Vec<SuccessResponse>,
    /// Whether the route honours `Idempotency-Key`.
    pub(crate) idempotency: IdempotencySupport,
}

/// Whether a route honours `Idempotency-Key`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum IdempotencySupport {
    /// The route ignores the header `Idempotency-Key`.
    Ignored,
    /// A repeated call with the same key receives the response of the first.
    Honoured,
}

impl OperationDoc {
    /// Iterates over the schemas of the body and of the success responses.
    pub(crate) fn schemas(&self) -> impl Iterator<Item = &NamedSchema> {
        let answers = self.successes.iter().filter_map(|success| match &success.answer {
            ResponseBody::Json(shape) => Some(shape),
            ResponseBody::Object | ResponseBody::Text(_) | ResponseBody::Empty => None,
        });
        self.body.iter().map(|(shape, _)| shape).chain(answers)
    }

    /// Describes a `GET` route that answers 200; `description` says what the response contains.
    pub(crate) fn get(
        path: &'static str,
        id: &'static str,
        summary: &'static str,
        description: &'static str,
        answer: ResponseBody,
    ) -> Self {
        Self {
            method: "GET",
            path,
            operation_id: id,
            summary,
            query: Vec::new(),
            body: None,
            raw_body: None,
            successes: vec![SuccessResponse { status: 200, description, answer }],
            idempotency: IdempotencySupport::Ignored,
        }
    }

    /// Describes a `POST` route that answers 200; `description` says what the response contains.
    pub(crate) fn post(
        path: &'static str,
        id: &'static str,
        summary: &'static str,
        description: &'static str,
        answer: ResponseBody,
    ) -> Self {
        Self { method: "POST", ..Self::get(path, id, summary, description, answer) }
    }

    /// Adds query parameters to the route.
    pub(crate) fn with_query(mut self, query: impl IntoIterator<Item = QueryParameter>) -> Self {
        self.query.extend(query);
        self
    }

    /// Sets the JSON body of the request, with an example.
    pub(crate) fn with_body(self, body: NamedSchema, example: &'static str) -> Self {
        Self { body: Some((body, example)), ..self }
    }

    /// Sets a request body of raw bytes, with its description.
    pub(crate) fn with_raw_body(self, what: &'static str) -> Self {
        Self { raw_body: Some(what), ..self }
    }

    /// Replaces the method of the route.
    pub(crate) fn with_method(self, method: &'static str) -> Self {
        Self { method, ..self }
    }

    /// Answers with status 201 instead of 200.
    pub(crate) fn creates(self) -> Self {
        self.with_status(201)
    }

    /// Answers 200 as well, with a body of the same type, in the case that `description` names.
    pub(crate) fn or_ok(mut self, description: &'static str) -> Self {
        let also: Vec<_> =
            self.successes.iter().map(|of| SuccessResponse { status: 200, description, ..of.clone() }).collect();
        self.successes.extend(also);
        self
    }

    /// Uses the method `DELETE` and answers 204, without a body.
    pub(crate) fn deletes(mut self) -> Self {
        for success in &mut self.successes {
            success.answer = ResponseBody::Empty;
        }
        self.with_method("DELETE").with_status(204)
    }

    /// Declares that the route honours `Idempotency-Key`.
    pub(crate) fn idempotent(self) -> Self {
        Self { idempotency: IdempotencySupport::Honoured, ..self }
    }

    /// Answers 202 instead of 200: the work is done later.
    pub(crate) fn accepts(self) -> Self {
        self.with_status(202)
    }

    fn with_status(mut self, with: u16) -> Self {
        for success in &mut self.successes {
            success.status = with;
        }
        self
    }

    /// Adds the parameters of a paged list.
    pub(crate) fn paged(self) -> Self {
        self.with_query([cursor(), number_up_to("limit", "Maximum number of rows in the page; 50 if absent", 200)])
    }

    /// Adds the parameters of a paged list whose page holds as many rows as fit if no limit is given.
    pub(crate) fn paged_by_bytes(self) -> Self {
        self.with_query([
            cursor(),
            number_up_to("limit", "Maximum number of rows in the page; if absent, as many as fit into 4 MiB", 200),
        ])
    }
}

fn cursor() -> QueryParameter {
    QueryParameter {
        name: "cursor",
        description: "Cursor from a previous page of the same list with the same filters; the first page if absent",
        schema: json!({"type": "string", "minLength": 1}),
    }
}
