package room

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"regexp/syntax"
	"slices"
	"strings"
	"unicode/utf8"
)

// Bounds of tags and of what is said about them.
const (
	// MaxTags is how many tags a session has in a room.
	MaxTags = 10
	// MaxTag is how long a tag is, in characters.
	MaxTag = 32
	// MaxTarget is how long an expression is, in characters.
	MaxTarget = 128

	// maxPattern is how many instructions a pattern may compile to. Repetitions
	// would otherwise make a short one cost as much as thousands of tags.
	maxPattern = 128
)

// ErrTags is returned for tags that cannot be, wrapped with what is wrong.
var ErrTags = errors.New("room: bad tags")

// CheckTags says what is wrong with the tags of a session.
func CheckTags(tags []string) error {
	if len(tags) > MaxTags {
		return fmt.Errorf("%w: at most %d", ErrTags, MaxTags)
	}
	for i, tag := range tags {
		switch {
		case tag == "" || utf8.RuneCountInString(tag) > MaxTag:
			return fmt.Errorf("%w: a tag has 1 to %d characters", ErrTags, MaxTag)
		case !utf8.ValidString(tag):
			return fmt.Errorf("%w: a tag is UTF-8", ErrTags)
		case slices.Contains(tags[:i], tag):
			return fmt.Errorf("%w: one is there twice", ErrTags)
		}
	}
	return nil
}

// Target is an expression that says which members of a room something is for, by
// the tags that they have entered with:
//
//	{"tag":"red"} and ({"tag":"left"} or {"tag":"b.*","matchType":"regex"})
//
// and binds more tightly than or; a pattern must match a whole tag. A member
// without tags is never meant. A Target never changes, and may be used by many
// goroutines.
type Target struct {
	text    string
	root    term
	pattern bool // some term is a pattern
}

// term is one node of an expression: a tag, a pattern, or all or one of others.
type term struct {
	tag     string
	pattern *regexp.Regexp
	all     bool
	of      []term
}

// ParseTarget reads an expression of at most MaxTarget characters. The empty one
// is nil: everybody is meant.
func ParseTarget(text string) (*Target, error) {
	if utf8.RuneCountInString(text) > MaxTarget {
		return nil, fmt.Errorf("%w: an expression has at most %d characters", ErrTags, MaxTarget)
	}
	return ReadTarget(text)
}

// ReadTarget reads what String has written, which may be longer: AllOf names up to
// MaxTags tags.
func ReadTarget(text string) (*Target, error) {
	if text == "" {
		return nil, nil
	}
	p := targetParser{rest: text, target: &Target{text: text}}
	root, err := p.either()
	if err == nil && p.word() != "" {
		err = fmt.Errorf("%w: the expression does not end after its last term", ErrTags)
	}
	if err != nil {
		return nil, err
	}
	p.target.root = root
	return p.target, nil
}

// AllOf is the expression for who has all of these tags; nil without tags.
func AllOf(tags []string) *Target {
	if len(tags) == 0 {
		return nil
	}
	t := &Target{root: term{all: true}}
	for i, tag := range tags {
		if i > 0 {
			t.text += " and "
		}
		atom, _ := json.Marshal(struct { // of a string: it does not fail
			Tag string `json:"tag"`
		}{tag})
		t.text += string(atom)
		t.root.of = append(t.root.of, term{tag: tag})
	}
	return t
}

// String is the expression as it was written; empty for nil.
func (t *Target) String() string {
	if t == nil {
		return ""
	}
	return t.text
}

// Matches reports whether who has these tags is meant. A nil Target means
// everybody.
func (t *Target) Matches(tags []string) bool { return t == nil || t.root.matches(tags) }

func (n *term) matches(tags []string) bool {
	switch {
	case n.pattern != nil:
		return slices.ContainsFunc(tags, n.pattern.MatchString)
	case n.of == nil:
		return slices.Contains(tags, n.tag)
	}
	for i := range n.of {
		if n.of[i].matches(tags) != n.all {
			return !n.all
		}
	}
	return n.all
}

// targetParser reads an expression from left to right. The length of an
// expression that somebody has written bounds its depth; those of AllOf have none.
type targetParser struct {
	rest   string
	target *Target
}

// word is the next word or bracket, without taking it: "{" begins a tag, and ""
// is the end.
func (p *targetParser) word() string {
	p.rest = strings.TrimLeft(p.rest, " \t\r\n")
	if p.rest == "" {
		return ""
	}
	if strings.IndexByte("{()", p.rest[0]) >= 0 {
		return p.rest[:1]
	}
	if end := strings.IndexAny(p.rest, " \t\r\n{()"); end > 0 {
		return p.rest[:end]
	}
	return p.rest
}

// take takes the next word when it is this one, in any case.
func (p *targetParser) take(word string) bool {
	if !strings.EqualFold(p.word(), word) {
		return false
	}
	p.rest = p.rest[len(word):]
	return true
}

// either is terms with or between them.
func (p *targetParser) either() (term, error) { return p.list("or", false, p.both) }

// both is terms with and between them.
func (p *targetParser) both() (term, error) { return p.list("and", true, p.one) }

func (p *targetParser) list(word string, all bool, next func() (term, error)) (term, error) {
	first, err := next()
	if err != nil || !strings.EqualFold(p.word(), word) {
		return first, err
	}
	n := term{all: all, of: []term{first}}
	for p.take(word) {
		more, err := next()
		if err != nil {
			return term{}, err
		}
		n.of = append(n.of, more)
	}
	return n, nil
}

// one is a tag, or an expression in brackets.
func (p *targetParser) one() (term, error) {
	if p.take("(") {
		n, err := p.either()
		if err == nil && !p.take(")") {
			err = fmt.Errorf("%w: a bracket is not closed", ErrTags)
		}
		return n, err
	}
	if p.word() != "{" {
		return term{}, fmt.Errorf("%w: an expression has terms like {\"tag\":\"red\"} with and, or and brackets between them", ErrTags)
	}
	d := json.NewDecoder(strings.NewReader(p.rest))
	d.DisallowUnknownFields()
	var atom struct{ Tag, MatchType string }
	if err := d.Decode(&atom); err != nil || atom.Tag == "" {
		return term{}, fmt.Errorf("%w: a term is an object with a tag", ErrTags)
	}
	p.rest = p.rest[d.InputOffset():]
	switch atom.MatchType {
	case "":
		return term{tag: atom.Tag}, nil
	case "regex":
		pattern, err := compilePattern(atom.Tag)
		p.target.pattern = true
		return term{pattern: pattern}, err
	}
	return term{}, fmt.Errorf("%w: matchType can only be regex", ErrTags)
}

func compilePattern(text string) (*regexp.Regexp, error) {
	whole := "^(?:" + text + ")$"
	// The text alone must be one: it may not close the bracket around it.
	_, err := syntax.Parse(text, syntax.Perl)
	if err == nil {
		var parsed *syntax.Regexp
		if parsed, err = syntax.Parse(whole, syntax.Perl); err == nil {
			var prog *syntax.Prog
			if prog, err = syntax.Compile(parsed.Simplify()); err == nil && len(prog.Inst) > maxPattern {
				return nil, fmt.Errorf("%w: a pattern is too large", ErrTags)
			}
		}
	}
	if err != nil {
		return nil, fmt.Errorf("%w: a pattern is no regular expression", ErrTags)
	}
	return regexp.MustCompile(whole), nil
}

// maxRemembered bounds the sets of tags of which a part remembers whether a
// message is for them.
const maxRemembered = 256

// wants reports whether a message is for a member. The lane calls it.
func (p *part) wants(m *message, member *membership) bool {
	if m.to == nil {
		return true
	}
	g := member.guest.Load()
	if g == nil || len(g.Tags) == 0 {
		return false
	}
	if !m.to.pattern {
		return m.to.Matches(g.Tags)
	}
	known, ok := p.known[m][g.tagKey]
	if !ok {
		known = m.to.Matches(g.Tags)
		if p.known[m] == nil {
			if p.known == nil {
				p.known = make(map[*message]map[string]bool)
			}
			p.known[m] = make(map[string]bool)
		}
		if len(p.known[m]) < maxRemembered {
			p.known[m][g.tagKey] = known
		}
	}
	return known
}

// Tagged lists the guests of a room that have a tag, one for each session, in no
// order.
func (rs *Rooms) Tagged(tenant uint32, name, tag string) []*Guest {
	return slices.DeleteFunc(rs.Guests(tenant, name), func(g *Guest) bool { return !slices.Contains(g.Tags, tag) })
}

// SetTags gives a guest that nobody else can see yet its tags and whom what it sends
// is for: notify, or those who have all of its tags.
func (g *Guest) SetTags(tags []string, notify *Target) {
	g.Tags, g.tagKey, g.Notify = tags, strings.Join(tags, "\x00"), notify
	if g.Notify == nil {
		g.Notify = AllOf(tags)
	}
}

// copy is the guest once more, for ChangeGuest.
func (g *Guest) copy() *Guest {
	c := &Guest{
		Account: g.Account, Session: g.Session, Platform: g.Platform, EnteredMs: g.EnteredMs,
		Nick: g.Nick, Avatar: g.Avatar, Ext: g.Ext, Tags: g.Tags, Notify: g.Notify, tagKey: g.tagKey,
	}
	c.Transient.Store(g.Transient.Load())
	return c
}
