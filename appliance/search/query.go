package search

import (
	"context"
	"encoding/base64"
	"errors"
	"strconv"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/blevesearch/bleve/v2"
	"github.com/blevesearch/bleve/v2/search/query"

	"github.com/yizhan-im/yizhan/appliance/state"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

// Bounds of one query, whatever is asked.
const (
	// queryTime is how long it may take.
	queryTime = 2 * time.Second
	// maxWords is how many terms a text may have, and maxDays how many days a time is
	// made of; a longer time is compared with the messages only.
	maxWords = 100
	maxDays  = 400
	// maxRounds is how many pages of hits are read for one page of messages: some may
	// not be shown to who asks.
	maxRounds = 5
	roundSize = 100
	// maxPageBytes bounds the messages of one page, which must fit a frame.
	maxPageBytes = wire.MaxFrame - 4<<10
	maxPrefix    = 4 // bytes before each message: a tag and a length
)

var (
	errBusy       = wire.Errorf(wire.CodeBusy, "too many searches; try again")
	errSlow       = wire.Errorf(wire.CodeBusy, "the search took too long; ask for less")
	errCursor     = wire.Errorf(wire.CodeBadParameter, "cursor is not from an answer")
	errNoWord     = wire.Errorf(wire.CodeBadParameter, "text has no word")
	errManyWords  = wire.Errorf(wire.CodeBadParameter, "text has more than %d words", maxWords)
	errNoQuestion = wire.Errorf(wire.CodeBadParameter, "one of text, from and types must be given")
)

// Search finds messages for an account, as wire.SearchRequest says; limit must be
// positive. Errors are *wire.Error when the request is at fault, or CodeBusy.
func (e *Engine) Search(ctx context.Context, tenant uint32, account string, req *wire.SearchRequest) (*wire.SearchResponse, error) {
	select {
	case e.searches <- struct{}{}:
		defer func() { <-e.searches }()
	default:
		e.metrics.queries.WithLabelValues("busy").Inc()
		return nil, errBusy
	}
	ctx, cancel := context.WithTimeout(ctx, queryTime)
	defer cancel()
	defer context.AfterFunc(e.ctx, cancel)()
	began := time.Now()
	res, err := e.search(ctx, tenant, account, req)
	e.metrics.seconds.Observe(time.Since(began).Seconds())
	switch {
	case err == nil:
		e.metrics.queries.WithLabelValues("ok").Inc()
	case ctx.Err() != nil:
		e.metrics.queries.WithLabelValues("slow").Inc()
		err = errSlow
	default:
		e.metrics.queries.WithLabelValues("refused").Inc()
	}
	return res, err
}

func (e *Engine) search(ctx context.Context, tenant uint32, account string, req *wire.SearchRequest) (*wire.SearchResponse, error) {
	if req.Text == "" && req.From == "" && len(req.Types) == 0 {
		return nil, errNoQuestion
	}
	after, err := decodeCursor(req.Cursor)
	if err != nil {
		return nil, err
	}
	scope, err := e.queries.SearchScope(tenant, account, req.Scene, req.Peer)
	if err != nil {
		return nil, err
	}
	res := &wire.SearchResponse{Incomplete: !e.caughtUp.Load()}
	q, err := e.analyzers.question(account, scope, req)
	if err != nil || scope.One && scope.Conversation == 0 || !e.set.exists(tenant) {
		return res, err
	}
	var stale []string
	size := 0
	err = e.set.use(tenant, func(idx bleve.Index) error {
		for range maxRounds {
			hits, err := page(ctx, idx, q, after)
			if err != nil {
				return err
			}
			places := make([]state.Place, len(hits))
			for i, id := range hits {
				places[i], _ = placeOf(id)
			}
			messages, fresh, err := e.queries.Found(tenant, account, places)
			if err != nil {
				return err
			}
			for i, m := range messages {
				if !fresh[i] {
					stale = append(stale, hits[i])
				}
				if m != nil && m.TimeMs < req.BeginMs {
					return nil // all others are older still
				}
				if m == nil || req.EndMs != 0 && m.TimeMs > req.EndMs {
					continue
				}
				size += m.SizeVT() + maxPrefix
				if len(res.Messages) == int(req.Limit) || len(res.Messages) > 0 && size > maxPageBytes {
					res.Cursor = encodeCursor(after)
					return nil
				}
				res.Messages, after = append(res.Messages, m), hits[i]
			}
			if len(hits) < roundSize {
				return nil
			}
			after = hits[len(hits)-1]
		}
		res.Cursor = encodeCursor(after)
		return nil
	})
	e.drop(tenant, stale)
	if errors.Is(err, errClosed) {
		err = errBusy
	}
	return res, err
}

// page reads the ids of the next hits behind after, the newest first.
func page(ctx context.Context, idx bleve.Index, q query.Query, after string) ([]string, error) {
	r := bleve.NewSearchRequestOptions(q, roundSize, 0, false)
	r.Score = "none"
	r.SortBy([]string{"-_id"})
	if after != "" {
		r.SetSearchAfter([]string{after})
	}
	found, err := idx.SearchInContext(ctx, r)
	if err != nil {
		return nil, err
	}
	ids := make([]string, len(found.Hits))
	for i, hit := range found.Hits {
		ids[i] = hit.ID
	}
	return ids, nil
}

// drop removes documents that nobody may be shown any more.
func (e *Engine) drop(tenant uint32, ids []string) {
	if len(ids) == 0 {
		return
	}
	err := e.set.use(tenant, func(idx bleve.Index) error {
		b := idx.NewBatch()
		for _, id := range ids {
			b.Delete(id)
		}
		return idx.Batch(b)
	})
	if err != nil {
		e.failed("removing documents failed", tenant, err)
	}
}

// question is the query for req: all its conditions together. It is made of terms
// only, so no text can make it expensive.
func (a analyzers) question(account string, scope *state.SearchScope, req *wire.SearchRequest) (query.Query, error) {
	var all []query.Query
	if req.Text != "" {
		words := a.wordsOf(req.Text)
		switch {
		case len(words) == 0:
			return nil, errNoWord
		case len(words) > maxWords:
			return nil, errManyWords
		}
		for _, word := range words {
			all = append(all, term(fieldText, word))
		}
	}
	if scope.One {
		all = append(all, term(fieldLog, logTerm(scope.Conversation)))
	} else {
		logs := []query.Query{term(fieldUser, account)}
		for _, team := range scope.Teams {
			logs = append(logs, term(fieldLog, logTerm(team)))
		}
		all = append(all, query.NewDisjunctionQuery(logs))
	}
	if req.From != "" {
		all = append(all, term(fieldFrom, req.From))
	}
	if len(req.Types) > 0 {
		var types []query.Query
		for _, t := range req.Types {
			types = append(types, term(fieldType, strconv.FormatUint(uint64(t), 10)))
		}
		all = append(all, query.NewDisjunctionQuery(types))
	}
	if days := daysOf(req.BeginMs, req.EndMs); len(days) > 0 {
		all = append(all, query.NewDisjunctionQuery(days))
	}
	return query.NewConjunctionQuery(all), nil
}

func term(field, value string) query.Query {
	q := query.NewTermQuery(value)
	q.SetField(field)
	return q
}

// wordsOf are the terms of a text. A character that is part of a pair says nothing
// more than the pair.
func (a analyzers) wordsOf(text string) []string {
	var words, single []string
	seen, paired := map[string]bool{}, map[rune]bool{}
	for _, token := range a.words.Analyze([]byte(text)) {
		word := string(token.Term)
		if seen[word] {
			continue
		}
		seen[word] = true
		first, size := utf8.DecodeRuneInString(word)
		if !ideograph(first) {
			words = append(words, word)
			continue
		}
		if size == len(word) {
			single = append(single, word)
			continue
		}
		words = append(words, word)
		for _, r := range word {
			paired[r] = true
		}
	}
	for _, word := range single {
		if r, _ := utf8.DecodeRuneInString(word); !paired[r] {
			words = append(words, word)
		}
	}
	return words
}

func ideograph(r rune) bool {
	return unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Hangul)
}

// daysOf are the days of a time, none when they are too many or one end is open.
func daysOf(beginMs, endMs int64) (days []query.Query) {
	first, last := beginMs/dayMs, endMs/dayMs
	if endMs == 0 || last-first >= maxDays {
		return nil
	}
	for day := first; day <= last; day++ {
		days = append(days, term(fieldDay, dayTerm(day)))
	}
	return days
}

func encodeCursor(id string) string { return base64.RawURLEncoding.EncodeToString([]byte(id)) }

func decodeCursor(cursor string) (string, error) {
	id, err := base64.RawURLEncoding.DecodeString(cursor)
	if err != nil {
		return "", errCursor
	}
	if _, ok := placeOf(string(id)); !ok && cursor != "" {
		return "", errCursor
	}
	return string(id), nil
}
