package api_test

import (
	"bytes"
	"encoding/json"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/yizhan-im/yizhan/appliance/api"
)

func TestGeneratedFilesAreWhatTheRegistrySays(t *testing.T) {
	for name, write := range map[string]func(io.Writer) error{"ACTIONS.md": api.WriteActionList, "openapi.json": api.WriteOpenAPI} {
		var want bytes.Buffer
		if err := write(&want); err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want.Bytes()) {
			t.Errorf("%s is not what the registry says: run make generate", name)
		}
	}
}

func TestDocumentIsValidOpenAPI(t *testing.T) {
	doc, err := openapi3.NewLoader().LoadFromFile("openapi.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := doc.Validate(t.Context(), openapi3.IsOpenAPI31OrLater(), openapi3.EnableExamplesValidation()); err != nil {
		t.Error(err)
	}
	ids := make(map[string]bool)
	for path, item := range doc.Paths.Map() {
		for method, operation := range item.Operations() {
			if ids[operation.OperationID] || operation.OperationID == "" {
				t.Errorf("%s %s: operationId %q is taken", method, path, operation.OperationID)
			}
			ids[operation.OperationID] = true
		}
	}
}

// documented is one action as openapi.json describes it.
type documented struct {
	Summary     string
	RequestBody struct {
		Content map[string]struct {
			Schema struct {
				Required   []string
				Properties map[string]property
			}
			Example map[string]any
		}
	}
	Responses map[string]struct {
		Content map[string]struct {
			Schema struct {
				OneOf []struct{ Properties map[string]json.RawMessage }
			}
		}
	}
	request, response *jsonschema.Schema
}

// ownCodes are the codes that the document gives to this action beside those of
// all.
func (d *documented) ownCodes(t testing.TB) (codes []int) {
	t.Helper()
	var list struct {
		OneOf []struct{ Const int }
	}
	refused := d.Responses["200"].Content["application/json"].Schema.OneOf[1]
	if err := json.Unmarshal(refused.Properties["code"], &list); err != nil {
		t.Fatal(err)
	}
	for _, one := range list.OneOf {
		if one.Const != 0 {
			codes = append(codes, one.Const)
		}
	}
	return codes
}

// property is one parameter.
type property struct {
	Ref              string `json:"$ref"`
	Type             string
	MaxLength        int
	Minimum, Maximum *json.Number
	ContentMediaType string
	ContentEncoding  string
	Format           string
	ContentSchema    *struct {
		MinItems, MaxItems int
		Items              any
	}
}

// example are the parameters of the example, as a client sends them.
func (d *documented) example() map[string]string {
	values := make(map[string]string)
	for name, value := range d.form().Example {
		if text, ok := value.(string); ok {
			values[name] = text
			continue
		}
		raw, _ := json.Marshal(value)
		values[name] = string(raw)
	}
	return values
}

// bodyType is the media type of the parameters.
func (d *documented) bodyType() string {
	for name := range d.RequestBody.Content {
		return name
	}
	return ""
}

func (d *documented) form() struct {
	Schema struct {
		Required   []string
		Properties map[string]property
	}
	Example map[string]any
} {
	return d.RequestBody.Content[d.bodyType()]
}

// documents are the actions of openapi.json, by name. An answer must have no
// field that it does not declare: clients may be handed more one day, but not
// by an oversight.
var documents = sync.OnceValues(func() (map[string]*documented, error) {
	file, err := os.ReadFile("openapi.json")
	if err != nil {
		return nil, err
	}
	var doc struct {
		Paths map[string]struct{ Post *documented }
	}
	decoder := json.NewDecoder(bytes.NewReader(file))
	decoder.UseNumber()
	if err := decoder.Decode(&doc); err != nil {
		return nil, err
	}
	tree, err := jsonschema.UnmarshalJSON(bytes.NewReader(file))
	if err != nil {
		return nil, err
	}
	for _, path := range tree.(map[string]any)["paths"].(map[string]any) {
		if post, ok := path.(map[string]any)["post"].(map[string]any); ok {
			closeObjects(post["responses"])
		}
	}
	compiler := jsonschema.NewCompiler()
	compiler.AssertContent()
	if err := compiler.AddResource("openapi.json", tree); err != nil {
		return nil, err
	}
	found := make(map[string]*documented)
	for path, item := range doc.Paths {
		if item.Post == nil {
			continue
		}
		at := "openapi.json#/paths/" + strings.ReplaceAll(path, "/", "~1") + "/post"
		if item.Post.response, err = compiler.Compile(at + "/responses/200/content/application~1json/schema"); err != nil {
			return nil, err
		}
		if item.Post.request, err = compiler.Compile(at + "/requestBody/content/" + strings.ReplaceAll(item.Post.bodyType(), "/", "~1") + "/schema"); err != nil {
			return nil, err
		}
		found[strings.TrimSuffix(strings.TrimPrefix(path, "/"), ".action")] = item.Post
	}
	return found, nil
})

// closeObjects forbids fields that an object schema does not declare.
func closeObjects(node any) {
	switch node := node.(type) {
	case map[string]any:
		for _, child := range node {
			closeObjects(child)
		}
		if _, open := node["additionalProperties"]; node["type"] == "object" && !open {
			node["additionalProperties"] = false
		}
	case []any:
		for _, child := range node {
			closeObjects(child)
		}
	}
}

func documentedActions(t testing.TB) map[string]*documented {
	t.Helper()
	found, err := documents()
	if err != nil {
		t.Fatal(err)
	}
	if len(found) == 0 {
		t.Fatal("openapi.json has no action")
	}
	return found
}

// checkDocumented holds an answer against the document. Every test that calls an
// action does it.
func checkDocumented(t testing.TB, path, answer string) {
	t.Helper()
	name, isAction := strings.CutSuffix(strings.TrimPrefix(strings.TrimPrefix(path, "/nimserver"), "/"), ".action")
	action := documentedActions(t)[name]
	if action == nil || !isAction {
		return
	}
	value, err := jsonschema.UnmarshalJSON(strings.NewReader(answer))
	if err != nil {
		t.Errorf("%s answers %s: %v", name, answer, err)
		return
	}
	if err := action.response.Validate(value); err != nil {
		t.Errorf("%s answers %s, which its declaration does not foresee: %v", name, answer, err)
	}
}

func TestEachExampleIsWhatItsSchemaAllows(t *testing.T) {
	actions := documentedActions(t)
	for _, name := range slices.Sorted(maps.Keys(actions)) {
		raw, err := json.Marshal(actions[name].form().Example)
		if err != nil {
			t.Fatal(err)
		}
		value, err := jsonschema.UnmarshalJSON(bytes.NewReader(raw))
		if err != nil {
			t.Fatal(err)
		}
		if err := actions[name].request.Validate(value); err != nil {
			t.Errorf("%s: %s: %v", name, raw, err)
		}
	}
}
