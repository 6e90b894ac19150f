package sdk

import (
	"cmp"
	"maps"
	"slices"

	"github.com/yizhan-im/yizhan/appliance/wire"
)

// relations is what this client knows of the account's relations: a copy of what
// the server holds, made anew by each client. The inbox's mu guards it.
//
// Pushes and the answers to the app's own calls bring single states, in any
// order: the larger version counts. How far the copy is complete, only reading
// moves on.
type relations struct {
	version uint64 // up to which reading has come to its end
	site    uint64 // newest version that sync has told of
	mode    wire.FriendMode
	// modeVersion is the largest version that came with a mode.
	modeVersion uint64
	// held has also what is over, with its version, so that a state that comes
	// late does not bring it back.
	held map[string]*wire.Relation
	// fresh takes held's place when all of it has been read, nil otherwise.
	fresh map[string]*wire.Relation

	news   map[string]relationNews // by account; events that are not in the queue yet
	loaded bool                    // so is RelationsLoaded
	moved  bool                    // so is FriendModeChange
	events int                     // of the items in the queue, those about relations
}

// relationNews is who has changed a relation, as far as that is known.
type relationNews struct{ by, note string }

// over reports whether nothing is left of r.
func over(r *wire.Relation) bool {
	return !r.Friend && !r.Blacklisted && !r.Muted && r.Request == wire.FriendRequestState_FRIEND_REQUEST_NONE &&
		r.Alias == "" && r.Ex == "" && r.ServerEx == ""
}

// take keeps r if it is newer than what is held, and reports that.
func (s *relations) take(r *wire.Relation) bool {
	if s.fresh != nil {
		keepNewer(s.fresh, r)
	}
	if s.held == nil {
		s.held = make(map[string]*wire.Relation)
	}
	return keepNewer(s.held, r)
}

func keepNewer(held map[string]*wire.Relation, r *wire.Relation) bool {
	if before := held[r.Account]; r.Version == 0 || before != nil && before.Version >= r.Version {
		return false
	}
	held[r.Account] = r
	return true
}

// pushedRelation takes what another device, the other account or the backend has
// changed.
func (in *inbox) pushedRelation(p *wire.RelationPush) {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.relations.take(p.Relation) {
		in.relationChanged(p.Relation.Account, relationNews{p.By, p.Note})
	}
}

// ownRelation takes the answer to a call of the app: no event.
func (in *inbox) ownRelation(r *wire.Relation) {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.relations.take(r)
}

// pushedMode takes the mode that another device has set, ownMode the app's own.
func (in *inbox) pushedMode(p *wire.FriendModePush) {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.relations.moved = in.takeMode(p.Mode, p.Version) || in.relations.moved
	in.publishRelations()
}

func (in *inbox) ownMode(mode wire.FriendMode, version uint64) {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.takeMode(mode, version)
}

func (in *inbox) takeMode(mode wire.FriendMode, version uint64) (changed bool) {
	s := &in.relations
	if version < s.modeVersion {
		return false
	}
	changed = s.mode != mode
	s.mode, s.modeVersion = mode, version
	return changed
}

// relationsAt takes note of the version that sync tells.
func (in *inbox) relationsAt(version uint64) {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.relations.site = version
}

// relationsBehind is the version from which to read, if there is anything.
func (in *inbox) relationsBehind() (version uint64, behind bool) {
	in.mu.Lock()
	defer in.mu.Unlock()
	return in.relations.version, in.relations.version != in.relations.site
}

// beginRelations prepares for reading all of them.
func (in *inbox) beginRelations() {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.relations.fresh = make(map[string]*wire.Relation)
}

// readRelations takes one page. last says that it is the final one.
func (in *inbox) readRelations(page *wire.RelationsResponse, last bool) {
	in.mu.Lock()
	defer in.mu.Unlock()
	s := &in.relations
	for _, r := range page.Relations {
		if s.fresh != nil {
			keepNewer(s.fresh, r)
			continue
		}
		if s.take(r) {
			in.relationChanged(r.Account, relationNews{})
		}
	}
	if !last {
		return
	}
	// What is over and was known before this reading cannot come back any more.
	before, whole := s.version, s.fresh != nil
	s.version, s.site = page.Version, max(s.site, page.Version)
	if whole {
		s.held, s.fresh, s.loaded = s.fresh, nil, true
		s.site, s.modeVersion = page.Version, 0
		clear(s.news) // RelationsLoaded tells all of it
	}
	maps.DeleteFunc(s.held, func(_ string, r *wire.Relation) bool { return over(r) && r.Version <= before })
	if in.takeMode(page.FriendMode, page.Version) && !whole {
		s.moved = true
	}
	in.publishRelations()
}

// abandonRelations ends a reading that has failed.
func (in *inbox) abandonRelations() {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.relations.fresh = nil
}

func (in *inbox) relationChanged(account string, n relationNews) {
	if in.relations.news == nil {
		in.relations.news = make(map[string]relationNews)
	}
	in.relations.news[account] = n
	in.publishRelations()
}

// publishRelations queues the events about relations while there is room. They
// have their own share of the queue, as rooms do. What does not fit waits, one
// event for each account; it then tells the latest state.
func (in *inbox) publishRelations() {
	s := &in.relations
	if s.loaded && s.events < in.limit {
		s.loaded = false
		in.enqueueRelation(RelationsLoaded{})
	}
	if s.loaded {
		return
	}
	if s.moved && s.events < in.limit {
		s.moved = false
		in.enqueueRelation(FriendModeChange{Mode: s.mode})
	}
	for account, n := range s.news {
		if s.events >= in.limit {
			return
		}
		delete(s.news, account)
		r := s.held[account]
		if r == nil {
			r = &wire.Relation{Account: account}
		}
		in.enqueueRelation(RelationChange{Relation: r, By: n.by, Note: n.note})
	}
}

func (in *inbox) enqueueRelation(e Event) {
	in.relations.events++
	in.enqueue(item{event: e})
}

// listRelations is what is not over, in the order of the names.
func (in *inbox) listRelations() []*wire.Relation {
	in.mu.Lock()
	defer in.mu.Unlock()
	var all []*wire.Relation
	for _, r := range in.relations.held {
		if !over(r) {
			all = append(all, r)
		}
	}
	slices.SortFunc(all, func(a, b *wire.Relation) int { return cmp.Compare(a.Account, b.Account) })
	return all
}

func (in *inbox) relation(account string) *wire.Relation {
	in.mu.Lock()
	defer in.mu.Unlock()
	if r := in.relations.held[account]; r != nil && !over(r) {
		return r
	}
	return nil
}

func (in *inbox) friendMode() wire.FriendMode {
	in.mu.Lock()
	defer in.mu.Unlock()
	return in.relations.mode
}
