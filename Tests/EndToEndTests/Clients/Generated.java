package javax.annotation;

/** Stands for the annotation of old JDKs, which generated code bears. */
public @interface Generated {
    String[] value();

    String comments() default "";
}
