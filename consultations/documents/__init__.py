"""What goes out on paper: the patient's leaflet and the referral letter, from what is stored."""
