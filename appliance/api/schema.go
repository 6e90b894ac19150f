package api

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strings"
)

// object is a JSON object whose members keep their order, so that what is made
// twice is the same.
type object []member

type member struct {
	name  string
	value any
}

// MarshalJSON implements json.Marshaler.
func (o object) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, m := range o {
		if i > 0 {
			b.WriteByte(',')
		}
		name, err := marshal(m.name)
		if err != nil {
			return nil, err
		}
		value, err := marshal(m.value)
		if err != nil {
			return nil, err
		}
		b.Write(name)
		b.WriteByte(':')
		b.Write(value)
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// resultField is one field of an answer, as its struct declares it:
//
//	Name []string `json:"name,omitempty" of:"accid" about:"who …"`
//
// of says what the elements of a list or map are, key what the keys of a map
// are. A field with omitempty or omitzero may be missing.
type resultField struct {
	name, about string
	of, key     string
	optional    bool
	form        reflect.Type
}

// resultFields are those of t, a struct.
func resultFields(t reflect.Type) []resultField {
	var fields []resultField
	for i := range t.NumField() {
		f := t.Field(i)
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		if !f.IsExported() || name == "" || name == "-" {
			continue
		}
		fields = append(fields, resultField{
			name: name, about: f.Tag.Get("about"), of: f.Tag.Get("of"), key: f.Tag.Get("key"),
			optional: strings.Contains(options, "omit"), form: f.Type,
		})
	}
	return fields
}

// answerFields are the fields of an action's answer beside code.
func (act *action) answerFields() []resultField {
	if act.answer == nil {
		return nil
	}
	return resultFields(reflect.TypeOf(act.answer))
}

var rawJSON = reflect.TypeFor[json.RawMessage]()

// schema is that of the field's values.
func (f *resultField) schema() object {
	s := schemaOf(f.form, f.key)
	if f.about != "" {
		s = append(s, member{"description", f.about})
	}
	return s
}

func schemaOf(t reflect.Type, key string) object {
	if t == rawJSON {
		return object{} // any value
	}
	switch t.Kind() {
	case reflect.Pointer:
		return schemaOf(t.Elem(), key)
	case reflect.String:
		return object{{"type", "string"}}
	case reflect.Bool:
		return object{{"type", "boolean"}}
	case reflect.Int64, reflect.Uint64:
		return object{{"type", "integer"}, {"format", "int64"}}
	case reflect.Int, reflect.Int32, reflect.Uint32:
		return object{{"type", "integer"}}
	case reflect.Slice:
		return object{{"type", "array"}, {"items", schemaOf(t.Elem(), "")}}
	case reflect.Map:
		s := object{{"type", "object"}, {"additionalProperties", schemaOf(t.Elem(), "")}}
		if key == "accid" {
			s = append(s, member{"propertyNames", object{{"$ref", refAccount}}})
		}
		return s
	case reflect.Struct:
		return structSchema(resultFields(t))
	}
	return object{}
}

func structSchema(fields []resultField, before ...member) object {
	properties := object(before)
	var required []string
	for _, m := range before {
		required = append(required, m.name)
	}
	for i := range fields {
		f := &fields[i]
		properties = append(properties, member{f.name, f.schema()})
		if !f.optional {
			required = append(required, f.name)
		}
	}
	s := object{{"type", "object"}}
	if len(required) > 0 {
		s = append(s, member{"required", required})
	}
	return append(s, member{"properties", properties})
}

// outline is the field in short, as in "info: {token, accid}".
func (f *resultField) outline() string {
	if form := outlineOf(f.form, f.key, f.of); form != "" {
		return f.name + ": " + form
	}
	return f.name
}

// outlineOf is the form of t, "" for a plain value.
func outlineOf(t reflect.Type, key, of string) string {
	element := func() string {
		switch form := outlineOf(t.Elem(), "", ""); {
		case form != "":
			return form
		case of != "":
			return "<" + of + ">"
		}
		return "…"
	}
	switch {
	case t == rawJSON:
		return ""
	case t.Kind() == reflect.Pointer:
		return outlineOf(t.Elem(), key, of)
	case t.Kind() == reflect.Slice:
		return "[" + element() + "]"
	case t.Kind() == reflect.Map:
		return "{<" + key + ">: " + element() + "}"
	case t.Kind() == reflect.Struct:
		fields := resultFields(t)
		names := make([]string, len(fields))
		for i := range fields {
			names[i] = fields[i].outline()
		}
		return "{" + strings.Join(names, ", ") + "}"
	}
	return ""
}

// isContainer says whether a value of t holds others of t.Elem.
func isContainer(t reflect.Type) bool {
	return t.Kind() == reflect.Pointer || t.Kind() == reflect.Map || t.Kind() == reflect.Slice && t != rawJSON
}

// mayMiss says whether a field of t, at any depth, may be missing.
func mayMiss(fields []resultField) bool {
	for i := range fields {
		t := fields[i].form
		for isContainer(t) {
			t = t.Elem()
		}
		if fields[i].optional || t.Kind() == reflect.Struct && mayMiss(resultFields(t)) {
			return true
		}
	}
	return false
}
