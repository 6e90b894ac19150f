package api

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	refAccount    = "#/components/schemas/Account"
	refCommonCode = "#/components/schemas/CommonCode"
	refRequestID  = "#/components/parameters/RequestId"
)

const documentTitle = "Yizhan server API"

const requestIDAbout = "Your name for this call. Repeat a call whose outcome you do not know with the same one, and it is served once."

const documentAbout = "The calls that a tenant's backend makes: it registers accounts, makes their tokens, sends messages and reads history. " +
	"The names of headers and of parameters may be spelt in any case; parameters that are not listed are ignored. " +
	"The HTTP status is always 200: `code` in the body tells the outcome.\n\n" +
	"`CheckSum` does not cover the parameters, so call over HTTPS. Only your backend may know the secret: never put it into an app."

// WriteOpenAPI writes the OpenAPI 3.1 document of every action that is served
// (https://spec.openapis.org/oas/v3.1.0), made from the registry.
func WriteOpenAPI(w io.Writer) error {
	compact, err := marshal(document())
	if err != nil {
		return err
	}
	var b bytes.Buffer
	if err := json.Indent(&b, compact, "", " "); err != nil {
		return err
	}
	b.WriteByte('\n')
	_, err = w.Write(b.Bytes())
	return err
}

func document() object {
	var tags []object
	for _, g := range groups {
		tags = append(tags, object{{"name", g.title}, {"description", g.about}})
	}
	var paths object
	for _, act := range sortedActions() {
		paths = append(paths, member{"/" + act.name + pathSuffix, object{{"post", act.operation()}}})
	}
	paths = append(paths, member{livenessPath, object{{"get", livenessOperation()}}})
	return object{
		{"openapi", "3.1.0"},
		{"info", object{
			{"title", documentTitle}, {"version", "1"}, {"description", documentAbout},
			{"license", object{{"name", "Apache 2.0"}, {"identifier", "Apache-2.0"}}},
		}},
		{"servers", []object{{{"url", pathPrefix}}}},
		{"tags", tags},
		{"security", []object{credentials()}},
		{"paths", paths},
		{"components", components()},
	}
}

// sortedActions are the supported ones by group, and by name within one.
func sortedActions() []*action {
	place := make(map[string]int, len(groups))
	for i, g := range groups {
		place[g.name] = i
	}
	return slices.SortedFunc(maps.Values(actions), func(a, b *action) int {
		if d := place[groupOf(a.name)] - place[groupOf(b.name)]; d != 0 {
			return d
		}
		return strings.Compare(a.name, b.name)
	})
}

// schemes are the headers that authenticate a call; all are needed.
var schemes = []struct{ name, about string }{
	{"AppKey", "As the operator has given it to you."},
	{"Nonce", "Random text, 1–128 characters. Make a new one for each call."},
	{"CurTime", "Seconds since 1970, within 5 minutes of the server's clock."},
	{"CheckSum", "SHA-1 of AppSecret + Nonce + CurTime, in hexadecimal."},
}

func credentials() (all object) {
	for _, s := range schemes {
		all = append(all, member{s.name, []string{}})
	}
	return all
}

func components() object {
	var security object
	for _, s := range schemes {
		security = append(security, member{s.name, object{{"type", "apiKey"}, {"in", "header"}, {"name", s.name}, {"description", s.about}}})
	}
	return object{
		{"securitySchemes", security},
		{"parameters", object{{"RequestId", object{
			{"name", "RequestId"}, {"in", "header"},
			{"description", requestIDAbout},
			{"schema", object{{"type", "string"}, {"maxLength", maxRequestID}}},
		}}}},
		{"schemas", object{
			{"Account", object{
				{"type", "string"}, {"pattern", accountPattern.String()},
				{"description", "The name of an account: 1–32 letters, digits, `_`, `@`, `.` or `-`. Letters are made lower-case."},
			}},
			{"CommonCode", object{{"description", "The codes that every action may answer."}, {"oneOf", codeSchemas(commonCodes)}}},
		}},
	}
}

func codeSchemas(codes []outcome) []object {
	list := make([]object, len(codes))
	for i, o := range codes {
		list[i] = object{{"const", o.code}, {"description", o.code.String() + ": when " + o.when}}
	}
	return list
}

func (act *action) operation() object {
	o := object{
		{"operationId", operationID(act.name)},
		{"tags", []string{titleOf(groupOf(act.name))}},
		{"summary", firstSentence(act.about)},
		{"description", act.description()},
		{"parameters", []object{{{"$ref", refRequestID}}}},
	}
	if len(act.params) > 0 {
		o = append(o, member{"requestBody", act.requestBody()})
	}
	o = append(o, member{"responses", object{{"200", act.response()}}})
	if act.perMinute > 0 {
		o = append(o, member{"x-calls-per-minute", act.perMinute})
	}
	if act.perDay > 0 {
		o = append(o, member{"x-calls-per-day", act.perDay})
	}
	if len(act.ignored) > 0 {
		o = append(o, member{"x-ignored-parameters", act.ignored})
	}
	return o
}

func (act *action) description() string {
	text := act.about
	if limit := act.limitText(); limit != "" {
		text += "\n\n" + limit
	}
	if len(act.ignored) > 0 {
		text += "\n\nAccepted without effect: " + strings.Join(act.ignored, ", ") + "."
	}
	return text
}

func (act *action) requestBody() object {
	var properties, example object
	var required []string
	for i := range act.params {
		p := &act.params[i]
		s := p.kind.info().schema(p)
		if p.about != "" {
			s = append(s, member{"description", p.about})
		}
		if sample, ok := p.sample(); ok {
			s = append(s, member{"examples", []any{p.sampleJSON(sample)}})
			example = append(example, member{p.name, p.sampleJSON(sample)})
		}
		if p.required {
			required = append(required, p.name)
		}
		properties = append(properties, member{p.name, s})
	}
	schema := object{{"type", "object"}}
	if len(required) > 0 {
		schema = append(schema, member{"required", required})
	}
	schema = append(schema, member{"properties", properties})
	return object{
		{"required", len(required) > 0},
		{"content", object{{act.bodyType(), object{{"schema", schema}, {"example", example}}}}},
	}
}

// bodyType is the media type of the action's parameters.
func (act *action) bodyType() string {
	if act.upload == multipartUpload {
		return "multipart/form-data"
	}
	return formType
}

// response is the one that has HTTP status 200, which all have.
func (act *action) response() object {
	code := object{{"$ref", refCommonCode}}
	if len(act.codes) > 0 {
		code = object{{"oneOf", append(codeSchemas(act.codes), code)}}
	}
	failure := object{
		{"type", "object"}, {"title", "refused"}, {"required", []string{"code", "desc"}},
		{"properties", object{
			{"code", code},
			{"desc", object{{"type", "string"}, {"description", "What was wrong, for people. It may change."}}},
		}},
	}
	success := append(structSchema(act.answerFields(), member{"code", object{{"const", 200}}}), member{"title", "done"})
	return object{
		{"description", "The outcome, whatever it is."},
		{"headers", object{{"Retry-After", object{
			{"description", "With the codes 416 and 503: seconds to wait."}, {"schema", object{{"type", "integer"}}},
		}}}},
		{"content", object{{"application/json", object{{"schema", object{{"oneOf", []object{success, failure}}}}}}}},
	}
}

func livenessOperation() object {
	return object{
		{"operationId", "healthLiveness"},
		{"summary", "Tells load balancers and supervisors whether the node is well."},
		{"security", []object{}},
		{"responses", object{
			{"200", object{{"description", "It serves."}}},
			{"503", object{{"description", "It has failed and must be restarted."}}},
		}},
	}
}

// operationID is the "userCreate" of "user/create".
func operationID(name string) string {
	first, rest, _ := strings.Cut(name, "/")
	for part := range strings.SplitSeq(rest, "/") {
		r, size := utf8.DecodeRuneInString(part)
		first += fmt.Sprintf("%c%s", unicode.ToUpper(r), part[size:])
	}
	return first
}

func titleOf(group string) string {
	for _, g := range groups {
		if g.name == group {
			return g.title
		}
	}
	return group
}

func firstSentence(text string) string {
	if i := strings.Index(text, ". "); i >= 0 {
		return text[:i+1]
	}
	return text
}
