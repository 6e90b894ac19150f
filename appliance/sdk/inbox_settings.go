package sdk

import (
	"cmp"
	"maps"
	"slices"

	"google.golang.org/protobuf/proto"

	"github.com/yizhan-im/yizhan/appliance/wire"
)

// settings is what this client knows of how the account has arranged its
// conversations: a copy of what the server holds, made anew by each client, as
// relations is. The inbox's mu guards it.
type settings struct {
	version uint64 // up to which reading has come to its end
	site    uint64 // newest version that sync has told of
	dnd     *wire.DoNotDisturb
	// dndVersion is the largest version that came with dnd.
	dndVersion uint64
	// held has also what is over, with its version, so that a state that comes
	// late does not bring it back.
	held map[cursorKey]*wire.ConversationSetting
	// fresh takes held's place when all of it has been read, nil otherwise.
	fresh map[cursorKey]*wire.ConversationSetting

	news   map[cursorKey]bool // changes whose events are not in the queue yet
	loaded bool               // so is SettingsLoaded
	moved  bool               // so is DoNotDisturbChange
	events int                // of the items in the queue, those about settings
}

// blank reports whether nothing is left of s.
func blank(s *wire.ConversationSetting) bool {
	return !s.Top && !s.Muted && !s.MarkedUnread && s.Ext == "" && s.RemovedSeq == 0 && s.ClearedSeq == 0
}

func settingKey(s *wire.ConversationSetting) cursorKey { return cursorKey{s.Scene, s.Peer} }

// take keeps s if it is newer than what is held, and reports that.
func (x *settings) take(s *wire.ConversationSetting) bool {
	if x.fresh != nil {
		keepNewerSetting(x.fresh, s)
	}
	if x.held == nil {
		x.held = make(map[cursorKey]*wire.ConversationSetting)
	}
	return keepNewerSetting(x.held, s)
}

func keepNewerSetting(held map[cursorKey]*wire.ConversationSetting, s *wire.ConversationSetting) bool {
	if before := held[settingKey(s)]; s.Version == 0 || before != nil && before.Version >= s.Version {
		return false
	}
	held[settingKey(s)] = s
	return true
}

// pushedSetting takes what another device or the backend has changed, ownSetting
// the answer to a call of the app, which is no event.
func (in *inbox) pushedSetting(s *wire.ConversationSetting) {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.settings.take(s) {
		in.settingChanged(settingKey(s))
		in.publishSettings()
	}
}

func (in *inbox) ownSetting(s *wire.ConversationSetting) {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.settings.take(s)
}

// pushedDoNotDisturb takes what another device has set, ownDoNotDisturb the app's
// own.
func (in *inbox) pushedDoNotDisturb(p *wire.DoNotDisturbPush) {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.settings.moved = in.takeDoNotDisturb(p.DoNotDisturb, p.Version) || in.settings.moved
	in.publishSettings()
}

func (in *inbox) ownDoNotDisturb(d *wire.DoNotDisturb, version uint64) {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.takeDoNotDisturb(d, version)
}

func (in *inbox) takeDoNotDisturb(d *wire.DoNotDisturb, version uint64) (changed bool) {
	x := &in.settings
	if d == nil || version < x.dndVersion {
		return false
	}
	changed = !proto.Equal(x.dnd, d) && (x.dnd != nil || !proto.Equal(d, &wire.DoNotDisturb{}))
	x.dnd, x.dndVersion = d, version
	return changed
}

// settingsAt takes note of the version that sync tells.
func (in *inbox) settingsAt(version uint64) {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.settings.site = version
}

// settingsBehind is the version from which to read, if there is anything.
func (in *inbox) settingsBehind() (version uint64, behind bool) {
	in.mu.Lock()
	defer in.mu.Unlock()
	return in.settings.version, in.settings.version != in.settings.site
}

// beginSettings prepares for reading all of them, abandonSettings ends a reading
// that has failed.
func (in *inbox) beginSettings() {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.settings.fresh = make(map[cursorKey]*wire.ConversationSetting)
}

func (in *inbox) abandonSettings() {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.settings.fresh = nil
}

// readSettings takes one page. last says that it is the final one.
func (in *inbox) readSettings(page *wire.ConversationSettingsResponse, last bool) {
	in.mu.Lock()
	defer in.mu.Unlock()
	x := &in.settings
	for _, s := range page.Settings {
		if x.fresh != nil {
			keepNewerSetting(x.fresh, s)
			continue
		}
		if x.take(s) {
			in.settingChanged(settingKey(s))
		}
	}
	if !last {
		in.publishSettings()
		return
	}
	// What is over and was known before this reading cannot come back any more.
	before, whole := x.version, x.fresh != nil
	x.version, x.site = page.Version, max(x.site, page.Version)
	if whole {
		x.held, x.fresh, x.loaded = x.fresh, nil, true
		x.site, x.dndVersion = page.Version, 0
		clear(x.news) // SettingsLoaded tells all of it
	}
	maps.DeleteFunc(x.held, func(_ cursorKey, s *wire.ConversationSetting) bool { return blank(s) && s.Version <= before })
	if in.takeDoNotDisturb(page.DoNotDisturb, page.Version) && !whole {
		x.moved = true
	}
	in.publishSettings()
}

func (in *inbox) settingChanged(key cursorKey) {
	if in.settings.news == nil {
		in.settings.news = make(map[cursorKey]bool)
	}
	in.settings.news[key] = true
}

// publishSettings queues the events about settings while there is room, as
// publishRelations does.
func (in *inbox) publishSettings() {
	x := &in.settings
	if x.loaded && x.events < in.limit {
		x.loaded = false
		in.enqueueSetting(SettingsLoaded{})
	}
	if x.loaded {
		return
	}
	if x.moved && x.events < in.limit {
		x.moved = false
		in.enqueueSetting(DoNotDisturbChange{x.dnd})
	}
	for key := range x.news {
		if x.events >= in.limit {
			return
		}
		delete(x.news, key)
		s := x.held[key]
		if s == nil {
			s = &wire.ConversationSetting{Scene: key.scene, Peer: key.peer}
		}
		in.enqueueSetting(SettingChange{s})
	}
}

func (in *inbox) enqueueSetting(e Event) {
	in.settings.events++
	in.enqueue(item{event: e})
}

// listSettings is what is not blank, in the order of scenes and names.
func (in *inbox) listSettings() []*wire.ConversationSetting {
	in.mu.Lock()
	defer in.mu.Unlock()
	var all []*wire.ConversationSetting
	for _, s := range in.settings.held {
		if !blank(s) {
			all = append(all, s)
		}
	}
	slices.SortFunc(all, func(a, b *wire.ConversationSetting) int {
		return cmp.Or(cmp.Compare(a.Scene, b.Scene), cmp.Compare(a.Peer, b.Peer))
	})
	return all
}

func (in *inbox) setting(key cursorKey) *wire.ConversationSetting {
	in.mu.Lock()
	defer in.mu.Unlock()
	if s := in.settings.held[key]; s != nil && !blank(s) {
		return s
	}
	return nil
}

func (in *inbox) doNotDisturb() *wire.DoNotDisturb {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.settings.dnd == nil {
		return new(wire.DoNotDisturb)
	}
	return in.settings.dnd
}

// readUpTo lists where the conversations end that this account has not read to
// their end, as far as this device knows.
func (in *inbox) readUpTo() map[cursorKey]uint64 {
	in.mu.Lock()
	defer in.mu.Unlock()
	ends := make(map[cursorKey]uint64)
	for key, conv := range in.conversations {
		if conv.cursor.Read < conv.cursor.Known {
			ends[key] = conv.cursor.Known
		}
	}
	return ends
}
