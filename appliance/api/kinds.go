package api

import (
	"encoding/json"
	"math"
	"strconv"
)

// kindInfo is what documents say of a kind of parameter.
type kindInfo struct {
	words   string // in ACTIONS.md and on the page
	example string // as a client sends it; "" where each parameter needs its own
	schema  func(p *param) object
}

var kindTable = [...]kindInfo{
	text:     {"text", "", textSchema},
	account:  {"account", "alice", func(*param) object { return object{{"$ref", refAccount}} }},
	accounts: {"JSON array of accounts", `["bob","carol"]`, listSchema(object{{"$ref", refAccount}})},
	number:   {"number", "", numberSchema},
	boolean:  {"true or false", "true", func(*param) object { return object{{"type", "boolean"}} }},
	jsonText: {"JSON", "", func(p *param) object { return append(textSchema(p), member{"contentMediaType", "application/json"}) }},
	rooms:    {"JSON array of numbers of rooms", "[" + exampleRoom + "]", listSchema(object{{"type", []string{"integer", "string"}}})},
	base64Text: {"base64", "SGVsbG8sIHdvcmxkIQ==", func(*param) object {
		return object{{"type", "string"}, {"contentEncoding", "base64"}}
	}},
	filePart: {"file", "Hello, world!", func(*param) object {
		return object{{"type", "string"}, {"format", "binary"}}
	}},
	teams: {"JSON array of numbers of teams", "[" + exampleTid + "]", listSchema(object{{"type", []string{"integer", "string"}}})},
}

func (k kind) info() *kindInfo { return &kindTable[k] }

func textSchema(p *param) object {
	s := object{{"type", "string"}}
	if p.max > 0 {
		s = append(s, member{"maxLength", p.max})
	}
	return s
}

// numberSchema leaves out the limits that the format has by itself: JSON numbers
// of that size are not exact everywhere.
func numberSchema(p *param) object {
	s := object{{"type", "integer"}, {"minimum", p.least}}
	if p.most > math.MaxInt32 {
		s = append(s, member{"format", "int64"})
	}
	if p.most < math.MaxInt64 {
		s = append(s, member{"maximum", p.most})
	}
	return s
}

// listSchema is that of a text that holds a JSON array (JSON Schema 2020-12,
// Validation §8).
func listSchema(items object) func(p *param) object {
	return func(p *param) object {
		list := object{{"type", "array"}, {"items", items}}
		if !p.mayBeEmpty {
			list = append(list, member{"minItems", 1})
		}
		if p.max > 0 {
			list = append(list, member{"maxItems", p.max})
		}
		return object{{"type", "string"}, {"contentMediaType", "application/json"}, {"contentSchema", list}}
	}
}

// limits are the words that say how large a value may be.
func (p *param) limits() string {
	switch {
	case p.kind == number:
		return strconv.FormatInt(p.least, 10) + "–" + strconv.FormatInt(p.most, 10)
	case p.max > 0:
		return "≤ " + strconv.Itoa(p.max)
	}
	return ""
}

// sample is the value in the examples; ok is false when there is none.
func (p *param) sample() (value string, ok bool) {
	switch {
	case p.example != "":
		return p.example, true
	case !p.required:
		return "", false
	case p.kind == number:
		return strconv.FormatInt(p.least, 10), true
	}
	return p.kind.info().example, true
}

// sampleJSON is the sample as the schema of the parameter wants it.
func (p *param) sampleJSON(sample string) any {
	switch p.kind {
	case number, boolean:
		return json.RawMessage(sample)
	}
	return sample
}
