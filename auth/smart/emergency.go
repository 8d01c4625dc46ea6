package smart

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"unicode"

	"github.com/firth-health/firth/auth"
	"github.com/firth-health/firth/auth/smart/pages"
)

// Purposes of use that an app may state when it asks for authorization (v3-ActReason): as IHE IUA names them, with or without their system.
const (
	treatment          = "TREAT"
	emergencyTreatment = "ETREAT"
)

// maxReason bounds the reason of an emergency, in characters.
const maxReason = 300

// purposeOf is the purpose of use that an app states; empty for none, and for one that is not known.
func purposeOf(q url.Values) string {
	text := strings.TrimPrefix(q.Get("purpose_of_use"), auth.EmergencyTreatment().System+"|")
	if text == treatment || text == emergencyTreatment {
		return text
	}
	return ""
}

// mayOpen says whether the person may open the record of a patient, in an emergency any.
func (v *visit) mayOpen(p *pending, patient string) bool {
	return v.opensAny(p) || v.account.MayOpen(patient)
}

func (v *visit) opensAny(p *pending) bool {
	return v.account.AnyPatient() || p.Emergency != "" && v.account.BreakGlass
}

// emergencyData is what the page for breaking the glass shows.
type emergencyData struct {
	App, Reason string
	Most        int
	Asked       bool // by the app; the person cannot go on without
}

// showEmergency asks why the glass is to be broken.
func (v *visit) showEmergency() {
	if p := v.pendingRequest(); p != nil && v.atEmergency(p) {
		v.emergencyPage(p, http.StatusOK, "")
	}
}

func (v *visit) emergencyPage(p *pending, status int, problem string) {
	v.page(status, pages.Emergency, pages.View{Title: "Emergency access", Problem: problem, Data: emergencyData{
		App: p.client.Name, Reason: v.r.PostForm.Get("reason"), Most: maxReason, Asked: p.Purpose == emergencyTreatment,
	}})
}

// atEmergency says whether the person may break the glass now; otherwise it leads on, or ends the request.
func (v *visit) atEmergency(p *pending) bool {
	switch next := v.step(p); {
	case next == stepLogin || next == stepCode:
		v.redirect(v.to(next, p.secret))
		return false
	case p.Account != "" && p.Account != v.account.ID:
		v.forSomebodyElse()
		return false
	case !v.account.BreakGlass:
		v.refuse(p, refuse(accessDenied, "the person may not have emergency access"))
		return false
	}
	return true
}

// emergency takes the reason.
func (v *visit) emergency() {
	p := v.pendingRequest()
	if p == nil || !v.atEmergency(p) {
		return
	}
	reason := strings.TrimSpace(strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == unicode.ReplacementChar {
			return ' '
		}
		return r
	}, v.r.PostForm.Get("reason")))
	switch {
	case reason == "":
		v.emergencyPage(p, http.StatusBadRequest, "Say why it is needed.")
		return
	case len([]rune(reason)) > maxReason:
		v.emergencyPage(p, http.StatusBadRequest, fmt.Sprintf("The reason has at most %d characters.", maxReason))
		return
	}
	_, err := v.s.requests.Update(v.r.Context(), p.id, func(q *request) error {
		q.Emergency, q.EmergencyOf = reason, v.account.ID
		return nil
	})
	if err != nil {
		v.s.failPage(v.w, v.r, err)
		return
	}
	v.redirect(v.to("continue", p.secret))
}
