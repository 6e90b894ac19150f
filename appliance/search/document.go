package search

import (
	"encoding/binary"
	"encoding/json"
	"strconv"
	"unicode/utf8"

	"github.com/blevesearch/bleve/v2/analysis"
	_ "github.com/blevesearch/bleve/v2/analysis/analyzer/custom" // registers itself
	"github.com/blevesearch/bleve/v2/analysis/analyzer/keyword"
	"github.com/blevesearch/bleve/v2/analysis/lang/cjk"
	"github.com/blevesearch/bleve/v2/analysis/token/lowercase"
	"github.com/blevesearch/bleve/v2/analysis/tokenizer/unicode"
	"github.com/blevesearch/bleve/v2/document"
	"github.com/blevesearch/bleve/v2/mapping"
	index "github.com/blevesearch/bleve_index_api"

	"github.com/yizhan-im/yizhan/appliance/state"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

// The fields of a document. Each is an index of terms only: nothing is stored, no
// positions, no frequencies. A number as a field would cost 100 bytes for each
// message; the day of a message is a term, and its order is that of the document's id.
const (
	fieldText = "b" // words
	fieldLog  = "c" // conversation
	fieldUser = "u" // both accounts of a conversation of two
	fieldFrom = "f" // sender
	fieldType = "k" // type
	fieldDay  = "d" // day since 1970
)

// maxText is how much of a message is indexed, in bytes.
const maxText = 4 << 10

const dayMs = 24 * 60 * 60 * 1000

// textAnalyzer is the name of the analyzer of fieldText: words of alphabets in lower
// case, and of Chinese, Japanese and Korean each character and each pair.
const textAnalyzer = "words"

// newMapping has the analyzers; documents are made without it.
func newMapping() (*mapping.IndexMappingImpl, error) {
	m := mapping.NewIndexMapping()
	m.DefaultMapping = mapping.NewDocumentDisabledMapping()
	m.StoreDynamic, m.IndexDynamic, m.DocValuesDynamic = false, false, false
	const pairs = "pairs"
	if err := m.AddCustomTokenFilter(pairs, map[string]any{"type": cjk.BigramName, "output_unigram": true}); err != nil {
		return nil, err
	}
	return m, m.AddCustomAnalyzer(textAnalyzer, map[string]any{
		"type": "custom", "tokenizer": unicode.Name,
		"token_filters": []string{cjk.WidthName, lowercase.Name, pairs},
	})
}

// analyzers are those of the fields.
type analyzers struct{ words, exact analysis.Analyzer }

func newAnalyzers(m *mapping.IndexMappingImpl) analyzers {
	return analyzers{words: m.AnalyzerNamed(textAnalyzer), exact: m.AnalyzerNamed(keyword.Name)}
}

// documentOf is the document of a message that is Searchable.
func (a analyzers) documentOf(conv uint64, m *wire.Message) *document.Document {
	d := document.NewDocument(documentID(m.Id, conv, m.Seq))
	add := func(field, value string, with analysis.Analyzer) {
		d.AddField(document.NewTextFieldCustom(field, nil, []byte(value), index.IndexField|index.SkipFreqNorm, with))
	}
	if text := textOf(m); text != "" {
		add(fieldText, text, a.words)
	}
	add(fieldLog, logTerm(conv), a.exact)
	if m.Scene == wire.Scene_SCENE_P2P {
		add(fieldUser, m.From, a.exact)
		if m.To != m.From {
			add(fieldUser, m.To, a.exact)
		}
	}
	add(fieldFrom, m.From, a.exact)
	add(fieldType, strconv.FormatUint(uint64(m.Type), 10), a.exact)
	add(fieldDay, dayTerm(m.TimeMs/dayMs), a.exact)
	return d
}

func logTerm(conv uint64) string { return strconv.FormatUint(conv, 36) }
func dayTerm(day int64) string   { return strconv.FormatInt(day, 36) }

// documentID orders documents as their messages were sent, and says where these
// are.
func documentID(id, conv, seq uint64) string {
	b := make([]byte, 0, 16+binary.MaxVarintLen64)
	b = binary.BigEndian.AppendUint64(b, id)
	b = binary.BigEndian.AppendUint64(b, conv)
	return string(binary.AppendUvarint(b, seq))
}

func placeOf(documentID string) (p state.Place, ok bool) {
	b := []byte(documentID)
	if len(b) < 17 {
		return p, false
	}
	seq, n := binary.Uvarint(b[16:])
	return state.Place{Conversation: binary.BigEndian.Uint64(b[8:]), Seq: seq}, n == len(b)-16
}

// typeCustom is the type of messages whose body only the app understands.
const typeCustom = 100

// textOf is what of a message people read as text.
func textOf(m *wire.Message) string {
	text := m.Body
	switch {
	case m.Type == 0 || m.Type == 10:
	case m.Type == typeCustom:
		return ""
	default:
		var named struct{ Name, Title, Msg string }
		if json.Unmarshal([]byte(m.Body), &named) != nil {
			return ""
		}
		text = named.Name + "\n" + named.Title + "\n" + named.Msg
	}
	if len(text) <= maxText {
		return text
	}
	end := maxText
	for end > 0 && !utf8.RuneStart(text[end]) {
		end--
	}
	return text[:end]
}
