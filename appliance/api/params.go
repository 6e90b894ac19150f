package api

import (
	"encoding/json"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/yizhan-im/yizhan/appliance/wire"
)

// kind is the form of a parameter's value.
type kind uint8

const (
	text       kind = iota // any text
	account                // 1–32 of letters, digits and _@.-; letters are made lower-case
	accounts               // a JSON array of accounts
	number                 // a decimal integer
	boolean                // true or false
	jsonText               // any JSON value
	teams                  // a JSON array of numbers of teams, each as a number or a text
	rooms                  // the same of rooms
	base64Text             // a file in base64, which is not parsed here
	filePart               // a file that is a part of a form, neither
)

// param is one parameter of an action. Names are compared without regard to
// case: the documents and the official clients spell some differently
// (facts/yunxin-api.md §3.1).
type param struct {
	name     string
	kind     kind
	required bool
	// max is the most characters of a text, or elements of a list; 0 is no limit
	// but that of the body.
	max int
	// mayBeEmpty lets a list have no element.
	mayBeEmpty bool
	// least and most bound a number, both included.
	least, most int64
	about       string // as of an action
	// example is a value, in the form in which a client sends it. One without
	// has that of its kind when it is required, and is left out otherwise.
	example string
}

// arg is the value of one parameter.
type arg struct {
	given  bool
	text   string   // as it came, but an account in lower case
	list   []string // accounts or teams
	number int64
	flag   bool
}

// args are the parameters of one call, by their names as registered. A
// parameter that was not given has the zero arg.
type args map[string]arg

// parseForm reads a form-urlencoded body. Every error is a *wire.Error with
// CodeBadParameter. Parameters that are not in params are ignored; of one that
// is given twice the first counts, as with Yunxin.
func parseForm(body string, params []param) (args, error) {
	form, err := url.ParseQuery(body)
	if err != nil {
		return nil, errNotForm
	}
	byName := make(map[string]string, len(form))
	for name, values := range form {
		name = strings.ToLower(name)
		if _, twice := byName[name]; !twice {
			byName[name] = values[0]
		}
	}
	return parseValues(byName, params)
}

var errNotForm = wire.Errorf(wire.CodeBadParameter, "the body is not form-urlencoded")

// parseValues reads parameters by their lower-case names. The file of an upload is
// not among them.
func parseValues(byName map[string]string, params []param) (_ args, err error) {
	parsed := make(args, len(params))
	for i := range params {
		p := &params[i]
		if p.kind == base64Text || p.kind == filePart {
			continue
		}
		value, given := byName[strings.ToLower(p.name)]
		// An empty text clears what is stored; for other kinds there is no empty
		// value, and clients send one for a parameter that they leave out.
		given = given && (value != "" || p.kind == text)
		if p.required && value == "" {
			return nil, wire.Errorf(wire.CodeBadParameter, "parameter %s is missing", p.name)
		}
		if !given {
			continue
		}
		if parsed[p.name], err = p.parse(value); err != nil {
			return nil, wire.Errorf(wire.CodeBadParameter, "parameter %s %v", p.name, err)
		}
	}
	return parsed, nil
}

// complaint completes the sentence "parameter x …".
type complaint string

func (c complaint) Error() string { return string(c) }

func (p *param) parse(value string) (arg, error) {
	a := arg{given: true, text: value}
	if !utf8.ValidString(value) {
		return a, complaint("is not UTF-8")
	}
	var err error
	switch p.kind {
	case text:
		err = p.checkLength(utf8.RuneCountInString(value), "characters")
	case jsonText:
		if err = p.checkLength(utf8.RuneCountInString(value), "characters"); err == nil && !json.Valid([]byte(value)) {
			err = complaint("is not JSON")
		}
	case account:
		a.text, err = parseAccount(value)
	case accounts:
		a.list, err = p.parseAccounts(value)
	case teams, rooms:
		a.list, err = p.parseTeams(value)
	case number:
		a.number, err = strconv.ParseInt(value, 10, 64)
		if err != nil || a.number < p.least || a.number > p.most {
			err = complaint("is not a number from " + strconv.FormatInt(p.least, 10) + " to " + strconv.FormatInt(p.most, 10))
		}
	case boolean:
		// Some clients send numbers (facts/yunxin-api.md §3.2: ignoreTime "1").
		if a.flag, err = strconv.ParseBool(value); err != nil {
			err = complaint("is neither true nor false")
		}
	}
	return a, err
}

func (p *param) checkLength(n int, unit string) error {
	if p.max > 0 && n > p.max {
		return complaint("has more than " + strconv.Itoa(p.max) + " " + unit)
	}
	return nil
}

func (p *param) checkCount(elements int) error {
	if elements == 0 && !p.mayBeEmpty {
		return complaint("is an empty array")
	}
	return p.checkLength(elements, "elements")
}

var accountPattern = regexp.MustCompile(`^[A-Za-z0-9_@.-]{1,32}$`)

func parseAccount(value string) (string, error) {
	if !accountPattern.MatchString(value) {
		return "", complaint("is not an account: 1–32 letters, digits, _ @ . or -")
	}
	return strings.ToLower(value), nil
}

func (p *param) parseAccounts(value string) ([]string, error) {
	var list []string
	if err := json.Unmarshal([]byte(value), &list); err != nil || list == nil {
		return nil, complaint(`is not a JSON array of accounts like ["a","b"]`)
	}
	if err := p.checkCount(len(list)); err != nil {
		return nil, err
	}
	unique := make([]string, 0, len(list))
	seen := make(map[string]bool, len(list))
	for _, element := range list {
		name, err := parseAccount(element)
		if err != nil {
			return nil, complaint("has an element that " + err.Error())
		}
		if !seen[name] {
			seen[name] = true
			unique = append(unique, name)
		}
	}
	return unique, nil
}

func (p *param) parseTeams(value string) ([]string, error) {
	var list []json.RawMessage
	if err := json.Unmarshal([]byte(value), &list); err != nil || list == nil {
		return nil, complaint("is not a JSON array of numbers like [1,2]")
	}
	if err := p.checkCount(len(list)); err != nil {
		return nil, err
	}
	ids := make([]string, len(list))
	for i, element := range list {
		ids[i] = string(element)
		if text, err := strconv.Unquote(ids[i]); err == nil {
			ids[i] = text
		}
		if _, err := strconv.ParseUint(ids[i], 10, 64); err != nil {
			return nil, complaint("has an element that is not a number of a " + map[kind]string{teams: "team", rooms: "room"}[p.kind])
		}
	}
	return ids, nil
}
