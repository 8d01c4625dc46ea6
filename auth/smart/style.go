package smart

import "net/http"

// style is what apps may adopt to look like the rest (SMART App Launch 2.2, scopes-and-launch-context.html#styling): the colours of the pages.
func (s *Server) style(w http.ResponseWriter, r *http.Request) {
	s.keepable(w)
	s.send(w, r, http.StatusOK, map[string]string{
		"color_background": "#eef2f5", "color_error": "#a3231b", "color_highlight": "#0b6b74", "color_modal_backdrop": "#17212b", "color_success": "#2f9e7b", "color_text": "#17212b",
		"dim_border_radius": "10px", "dim_font_size": "16px", "dim_spacing_size": "16px",
		"font_family_body":    "system-ui, 'Segoe UI', Roboto, Arial, sans-serif",
		"font_family_heading": "system-ui, 'Segoe UI', Roboto, Arial, sans-serif",
	})
}
