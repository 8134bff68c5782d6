"""What programs in other languages, and other Pythons, copy to speak with caviar: a file each, nothing imported."""
