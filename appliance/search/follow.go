package search

import (
	"time"

	"github.com/blevesearch/bleve/v2"

	"github.com/yizhan-im/yizhan/appliance/state"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

// batchSize is how many documents are indexed together, and how many entries one
// look into the log reads.
const batchSize = 50

// follow indexes w; false when an index failed, which then catches up.
func (e *Engine) follow(w *work) (ok bool) {
	ok = true
	tenants := map[uint32]map[logKey]*dirtyLog{}
	for key, l := range w.logs {
		if tenants[key.tenant] == nil {
			tenants[key.tenant] = map[logKey]*dirtyLog{}
		}
		tenants[key.tenant][key] = l
	}
	for tenant, logs := range tenants {
		if e.ctx.Err() != nil {
			return true
		}
		if err := e.followTenant(tenant, logs, w.seen); err != nil {
			e.failed("indexing messages failed", tenant, err)
			ok = false
		}
	}
	for _, p := range w.pruned {
		if err := e.forget(p); err != nil {
			e.failed("forgetting old messages failed", p.tenant, err)
		}
	}
	return ok
}

func (e *Engine) followTenant(tenant uint32, logs map[logKey]*dirtyLog, seen uint64) error {
	b := &batch{e: e, tenant: tenant, began: time.Now()}
	for key, dirty := range logs {
		l, err := e.queries.Log(tenant, state.PrunedLog{A: key.a, B: key.b, Team: key.team})
		if err != nil {
			return err
		}
		if l == nil {
			continue
		}
		if err := b.entries(l.Conversation, dirty.from, dirty.to, 0); err != nil {
			return err
		}
		for _, seq := range dirty.refs {
			if err := b.entries(l.Conversation, seq, seq, 0); err != nil {
				return err
			}
		}
	}
	return b.flush(func(bb *bleve.Batch) { bb.SetInternal(keyVersion, encoded(seen)) })
}

// batch gathers documents of one tenant.
type batch struct {
	e       *Engine
	tenant  uint32
	changes []change
	began   time.Time // when the first of changes was begun; see rest
}

// change is a document, or with a nil doc the removal of one.
type change struct {
	id  string
	add func(*bleve.Batch) error
}

// entries indexes the entries from..to of a log. Of those that changed an older
// entry, below refsBelow, that one is indexed again too.
func (b *batch) entries(conv, from, to, refsBelow uint64) error {
	for from <= to {
		var refs []uint64
		next, err := b.e.queries.Entries(b.tenant, conv, from, to, batchSize, func(m *wire.Message) {
			b.take(conv, m)
			if m.Type >= state.TypeRecall && m.RefSeq > 0 && m.RefSeq < refsBelow {
				refs = append(refs, m.RefSeq)
			}
		})
		if err != nil {
			return err
		}
		for _, seq := range refs {
			if err := b.entries(conv, seq, seq, 0); err != nil {
				return err
			}
		}
		if from = next; len(b.changes) >= batchSize {
			if err := b.flush(nil); err != nil {
				return err
			}
		}
		if err := b.e.ctx.Err(); err != nil {
			return err
		}
	}
	return nil
}

// take adds or removes the document of one entry. System entries have none.
func (b *batch) take(conv uint64, m *wire.Message) {
	if m.Type >= state.TypeRecall || m.Type == state.TypeTeamEvent {
		return
	}
	if !state.Searchable(m) {
		b.changes = append(b.changes, change{id: documentID(m.Id, conv, m.Seq)})
		return
	}
	doc := b.e.analyzers.documentOf(conv, m)
	b.changes = append(b.changes, change{id: doc.ID(), add: func(bb *bleve.Batch) error { return bb.IndexAdvanced(doc) }})
}

// flush writes what was gathered, with what last adds.
func (b *batch) flush(last func(*bleve.Batch)) error {
	if len(b.changes) == 0 && last == nil {
		return nil
	}
	err := b.e.set.use(b.tenant, func(idx bleve.Index) error {
		bb := idx.NewBatch()
		for _, c := range b.changes {
			if c.add == nil {
				bb.Delete(c.id)
			} else if err := c.add(bb); err != nil {
				return err
			}
		}
		if last != nil {
			last(bb)
		}
		return idx.Batch(bb)
	})
	if err != nil {
		return err
	}
	b.e.metrics.documents.Add(float64(len(b.changes)))
	b.changes = b.changes[:0]
	b.e.pause(b.e.rest * time.Since(b.began))
	b.began = time.Now()
	return nil
}

// forget removes documents of entries that are no longer in the log. Their ids are
// not known: they are looked for by the log, the oldest first.
func (e *Engine) forget(p prunedRange) error {
	return e.set.use(p.tenant, func(idx bleve.Index) error {
		for e.ctx.Err() == nil {
			req := bleve.NewSearchRequestOptions(term(fieldLog, logTerm(p.Conversation)), batchSize, 0, false)
			req.SortBy([]string{"_id"})
			req.Score = "none"
			res, err := idx.SearchInContext(e.ctx, req)
			if err != nil {
				return err
			}
			bb := idx.NewBatch()
			for _, hit := range res.Hits {
				place, ok := placeOf(hit.ID)
				if ok && place.Seq > p.Last {
					break
				}
				bb.Delete(hit.ID)
			}
			if bb.Size() == 0 {
				return nil
			}
			if err := idx.Batch(bb); err != nil {
				return err
			}
		}
		return nil
	})
}
