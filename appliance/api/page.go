package api

import (
	"fmt"
	"html/template"
	"io"
	"maps"
	"reflect"
	"slices"
	"strings"
)

// The page's data, as docs/page.html reads it.
type (
	docsPage struct {
		Title, Prefix string
		About         []string
		Headers       []docsEntry
		Codes         []docsCode
		Groups        []docsGroup
		Planned       []docsEntry
	}
	docsEntry struct{ Name, About string }
	docsCode  struct {
		Code uint16
		Name string
		When string
	}
	docsGroup struct {
		Title, About string
		Actions      []docsAction
	}
	docsAction struct {
		Name, About string
		Limit       string
		Params      []docsParam
		Fields      []docsField
		Codes       []docsCode
		Ignored     []string
		Curl        string
	}
	docsParam struct {
		Name, Form, About string
		Required          bool
	}
	docsField struct {
		Name, About string
		Optional    bool
	}
)

// writePage writes the page for people.
func writePage(w io.Writer) error {
	page, err := template.New("page.html").Funcs(template.FuncMap{"prose": prose, "link": link}).ParseFS(docsFolder, "docs/page.html")
	if err != nil {
		return err
	}
	data := docsPage{
		Title: documentTitle, Prefix: pathPrefix, About: strings.Split(documentAbout, "\n\n"),
		Codes: docsCodes(commonCodes),
	}
	for _, s := range schemes {
		data.Headers = append(data.Headers, docsEntry{s.name, s.about})
	}
	data.Headers = append(data.Headers, docsEntry{"RequestId", "Optional, up to 128 bytes. " + requestIDAbout})
	for _, g := range groups {
		data.Groups = append(data.Groups, docsGroup{Title: g.title, About: g.about, Actions: docsActions(g.name)})
	}
	for _, name := range slices.Sorted(maps.Keys(plannedByGroup)) {
		names := strings.Fields(plannedByGroup[name])
		slices.Sort(names)
		data.Planned = append(data.Planned, docsEntry{name, strings.Join(names, ", ")})
	}
	return page.Execute(w, data)
}

func docsActions(group string) (list []docsAction) {
	for _, act := range sortedActions() {
		if groupOf(act.name) != group {
			continue
		}
		shown := docsAction{
			Name: act.name, About: act.about, Limit: act.limitText(),
			Fields: docsFields(nil, "", act.answerFields()), Codes: docsCodes(act.codes), Ignored: act.ignored, Curl: act.curl(),
		}
		for i := range act.params {
			p := &act.params[i]
			form := p.kind.info().words
			if limits := p.limits(); limits != "" {
				form += ", " + limits
			}
			shown.Params = append(shown.Params, docsParam{p.name, form, p.about, p.required})
		}
		list = append(list, shown)
	}
	return list
}

func docsCodes(codes []outcome) []docsCode {
	list := make([]docsCode, len(codes))
	for i, o := range codes {
		list[i] = docsCode{uint16(o.code), o.code.String(), o.when}
	}
	slices.SortFunc(list, func(a, b docsCode) int { return int(a.Code) - int(b.Code) })
	return list
}

// docsFields flattens an answer, as in "data.status.<accid>[].loginTime".
func docsFields(list []docsField, path string, fields []resultField) []docsField {
	for i := range fields {
		f := &fields[i]
		name, form := path+f.name, f.form
		for isContainer(form) {
			switch form.Kind() {
			case reflect.Slice:
				name += "[]"
			case reflect.Map:
				name += ".<" + f.key + ">"
			}
			form = form.Elem()
		}
		list = append(list, docsField{name, f.about, f.optional})
		if form.Kind() == reflect.Struct {
			list = docsFields(list, name+".", resultFields(form))
		}
	}
	return list
}

// curl is the example of the action for a POSIX shell, where URL, APPKEY and
// SECRET are set.
func (act *action) curl() string {
	var b strings.Builder
	b.WriteString(`NONCE=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n'); NOW=$(date +%s)` + "\n")
	fmt.Fprintf(&b, `curl -sS "$URL/%s%s" -H "AppKey: $APPKEY" -H "Nonce: $NONCE" -H "CurTime: $NOW"`, act.name, pathSuffix)
	b.WriteString(" \\\n" + `  -H "CheckSum: $(printf %s "$SECRET$NONCE$NOW" | sha1sum | cut -d' ' -f1)"`)
	for i := range act.params {
		if sample, ok := act.params[i].sample(); ok {
			option := " \\\n  --data-urlencode "
			if act.upload == multipartUpload {
				option = " \\\n  --form-string "
			}
			b.WriteString(option + shellQuote(act.params[i].name+"="+sample))
		}
	}
	return b.String()
}

// shellQuote makes one word of s (POSIX Shell Command Language §2.2.2).
func shellQuote(s string) string {
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

// link leads to an action. Their names need no escape in a fragment (RFC 3986
// §3.5).
func link(action string) template.URL { return template.URL("#" + action) }

// prose is text with what is between backticks as code.
func prose(text string) template.HTML {
	var b strings.Builder
	for i, part := range strings.Split(text, "`") {
		part = template.HTMLEscapeString(part)
		if i%2 == 1 {
			part = "<code>" + part + "</code>"
		}
		b.WriteString(part)
	}
	return template.HTML(b.String())
}
